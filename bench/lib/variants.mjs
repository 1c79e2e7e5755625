// The preloads that are compared, and what is set for each.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const BENCH = dirname(dirname(fileURLToPath(import.meta.url)))
export const ROOT = dirname(BENCH)
export const GUARD = resolve(ROOT, 'dist/preload.js')

/** Beside a package.json that says what they are, as the guard's files are. */
const at = name => resolve(BENCH, 'preloads', name)

export const BARE = { name: 'no preload' }
export const EMPTY = { name: 'empty preload', preload: at('empty.js') }
/** The noise floor: the same file again. Whatever this row differs from the first by is what the machine cannot tell. */
export const EMPTY_AGAIN = { name: 'empty preload again (the noise)', preload: at('empty.js') }
export const FLOOR = { name: "floor: require('v8').getHeapStatistics()", preload: at('floor.js') }

/** The guard; `env` are its settings. */
export const guard = (name, env = {}, more = {}) => ({ name, preload: GUARD, env, ...more })

/**
 * The guard's settings that give a fitting verdict on this machine whatever its size: a container a third larger than
 * V8's heap limit of this Node, which is read from it.
 */
export const fitting = heapLimitMB => ({ CONTAINER_MEMORY_MB: String(Math.ceil((heapLimitMB * 4) / 3)) })

/**
 * The same for processes that live for a while beside others: all are in the benchmark's own memory group, whose page cache
 * and neighbours would look like pressure under a limit of a process's size. A limit far above it; and a flag, with which
 * that fits, for every row of a table.
 */
export const FAR = { CONTAINER_MEMORY_MB: '900000' }
const FLAG = { nodeOptions: '--max-old-space-size=1024' }
export const withFlag = variant => ({ ...FLAG, ...variant })

/** V8's flags for a young generation of this size from the start; V8 doubles it now and then else, and from then on collects half as often. */
export const youngGeneration = sizeMB => [`--min-semi-space-size=${sizeMB}`, `--max-semi-space-size=${sizeMB}`]

/** Is a setting built into the guard as it stands in dist/? */
export function isKnown(setting) {
  const name = setting.replace(/^HEAPGUARD_/, '')
  return ['boot.js', 'watch.js'].some(file => {
    try {
      return readFileSync(resolve(ROOT, 'dist', file), 'utf8').includes(name)
    } catch {
      // A build without that file.
      return false
    }
  })
}

/** NODE_OPTIONS and settings of a variant, as its process gets them: nothing of this process but PATH and HOME. */
export function environmentOf({ preload, nodeOptions, env }) {
  const options = [nodeOptions, preload && `--require ${preload}`].filter(Boolean).join(' ')
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ...(options === '' ? {} : { NODE_OPTIONS: options }),
    ...env,
  }
}
