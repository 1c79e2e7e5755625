// Instructions of a whole run, counted by callgrind: the same again to about 0.01 %, on a busy machine too.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { find } from './process.mjs'
import { environmentOf } from './variants.mjs'

const run = promisify(execFile)

/**
 * What makes a run repeatable. The price: with another hash seed V8 refuses the code cache that Node brings for its own
 * modules, so a builtin that is not in the start-up snapshot (node:v8) is compiled from source: about 25 M more in every
 * variant that requires it. Differences between such variants hold, ratios are too small.
 */
const REPEATABLE = ['--single-threaded', '--hash-seed=1', '--random-seed=1']

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
