// What the guard takes of Node while the process starts: an app that replaces a method of fs, a clock or a global
// afterwards (fake timers, a patched Date) changes nothing here, however late the rest of the guard is loaded.

/** Functions and values in a row: a quiet start pays for each name that it writes, so most get theirs later. */
export type Taken = ReturnType<typeof takeNatives>

/** Loads node:v8, which is not in Node's start-up snapshot, so it is called after the gate. Nothing of it runs here. */
export function takeNatives() {
  'at start'
  const { getHeapStatistics, getHeapSpaceStatistics } = require('node:v8') as typeof import('node:v8')
  const fs = require('node:fs') as typeof import('node:fs')
  return [
    fs.readFileSync,
    fs.writeFileSync,
    fs.readlinkSync,
    fs.constants,
    getHeapStatistics,
    process.uptime,
    process.constrainedMemory as typeof process.constrainedMemory | undefined,
    Date.now,
    setInterval,
    clearInterval,
    getHeapSpaceStatistics,
    fs.openSync,
    fs.readSync,
    fs.writeSync,
    fs.closeSync,
    fs.ftruncateSync,
    fs.fstatSync,
    process.env,
    process.execArgv,
    process.memoryUsage,
    process.resourceUsage,
    process.geteuid,
    FinalizationRegistry,
    Buffer.alloc,
    Buffer.byteLength,
  ] as const
}

const NAMES = [
  ...(['readFileSync', 'writeFileSync', 'readlinkSync', 'constants', 'getHeapStatistics', 'uptime'] as const),
  ...(['constrainedMemory', 'now', 'setInterval', 'clearInterval', 'getHeapSpaceStatistics', 'openSync'] as const),
  ...(['readSync', 'writeSync', 'closeSync', 'ftruncateSync', 'fstatSync', 'env', 'execArgv', 'memoryUsage'] as const),
  ...(['resourceUsage', 'geteuid', 'FinalizationRegistry', 'alloc', 'byteLength'] as const),
] as const

type Indices = Extract<keyof Taken, `${number}`>

/** What was taken, by name, and what of process does not change. */
export type Natives = { readonly [I in Indices as (typeof NAMES)[I]]: Taken[I] } & {
  readonly [name in 'pid' | 'ppid' | 'version']: (typeof process)[name]
}

export function nativesOf(taken: Taken): Natives {
  const { pid, ppid, version } = process
  return { ...Object.fromEntries(NAMES.map((name, at) => [name, taken[at]])), pid, ppid, version } as Natives
}

/** An unref'd interval, whose tick cannot throw into the app; returns its undo. */
export function every(
  { setInterval, clearInterval }: Pick<Natives, 'setInterval' | 'clearInterval'>,
  intervalMs: number,
  tick: () => void,
): () => void {
  const timer = setInterval(() => {
    try {
      tick()
    } catch {
      // What throws in a timer ends the app: no fault of the guard's gets that far.
    }
  }, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
