// Instructions of a whole run, counted by callgrind: the same again to about 0.01 %, on a busy machine too.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { find } from './process.mjs'
import { environmentOf } from './variants.mjs'

const run = promisify(execFile)

/**
 * What makes a run repeatable: the seed of V8's hashes comes from it too. Other flags (--single-threaded, --hash-seed) would make V8
 * refuse the code cache that Node brings for its own modules: 25 M more in every variant that requires node:v8.
 */
const REPEATABLE = ['--random-seed=1']

/** A function that counts, or undefined where valgrind is not installed. */
export async function counter() {
  const valgrind = await find('valgrind')
  if (valgrind === undefined) return undefined
  return async (node, args, variant) => {
    const { preload, ...rest } = variant
    const tool = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--smc-check=all-non-file']
    const required = preload === undefined ? [] : ['--require', preload]
    const command = [...tool, node, ...REPEATABLE, ...required, ...args]
    const { stderr } = await run(valgrind, command, { env: environmentOf(rest), maxBuffer: 2 ** 24 })
    const [, collected] = /Collected\s*:\s*(\d+)/.exec(stderr) ?? []
    return collected === undefined ? undefined : Number(collected)
  }
}
