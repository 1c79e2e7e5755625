// Instructions of a whole run, counted by callgrind: the same again to about 0.01 %, on a busy machine too.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inBash, quote } from './cpu.mjs'
import { find } from './process.mjs'
import { environmentOf } from './variants.mjs'

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
    const folder = mkdtempSync(join(tmpdir(), 'heapguard-bench-'))
    try {
      const log = join(folder, 'log')
      const tool = [
        '--tool=callgrind',
        '--callgrind-out-file=/dev/null',
        '--smc-check=all-non-file',
        `--log-file=${log}`,
      ]
      const required = preload === undefined ? [] : ['--require', preload]
      const command = [valgrind, ...tool, node, ...REPEATABLE, ...required, ...args].map(quote).join(' ')
      const { PATH, HOME, ...own } = environmentOf(rest)
      const assignments = Object.entries(own).map(([name, value]) => `${name}=${quote(value)}`)
      await inBash([`${[...assignments, command].join(' ')} </dev/null 2>&1 >/dev/null | cat >/dev/null`], {
        PATH,
        HOME,
      })
      const [, collected] = /Collected\s*:\s*(\d+)/.exec(readFileSync(log, 'utf8')) ?? []
      return collected === undefined ? undefined : Number(collected)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
