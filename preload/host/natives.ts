// What the guard takes of Node while the process starts: an app that replaces a method of fs, a clock or a global
// afterwards (fake timers, a patched Date) changes nothing here, however late the rest of the guard is loaded.

export type Natives = ReturnType<typeof takeNatives>

/** Loads node:v8, which is not in Node's start-up snapshot, so it is called after the gate. Names alone: nothing runs here. */
export function takeNatives() {
  const { getHeapStatistics, getHeapSpaceStatistics } = require('node:v8') as typeof import('node:v8')
  const { readFileSync, openSync, readSync, writeSync, closeSync, ftruncateSync, fstatSync, readlinkSync, constants } =
    require('node:fs') as typeof import('node:fs')
  const { env, pid, ppid, version, execArgv, memoryUsage, resourceUsage, uptime, constrainedMemory, geteuid } = process
  const { alloc, byteLength } = Buffer
  const { now } = Date
  return {
    getHeapStatistics,
    getHeapSpaceStatistics,
    readFileSync,
    openSync,
    readSync,
    writeSync,
    closeSync,
    ftruncateSync,
    fstatSync,
    readlinkSync,
    constants,
    env,
    pid,
    ppid,
    version,
    execArgv,
    memoryUsage,
    resourceUsage,
    uptime,
    constrainedMemory: constrainedMemory as typeof constrainedMemory | undefined,
    geteuid,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    FinalizationRegistry: globalThis.FinalizationRegistry,
    alloc,
    byteLength,
    now,
  }
}

/** An unref'd interval, whose tick cannot throw into the app; returns its undo. */
export function every({ setInterval, clearInterval }: Natives, intervalMs: number, tick: () => void): () => void {
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
