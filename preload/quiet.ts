// The quiet start: what nearly every process needs of the guard before the app begins, and at a short life's end, in as few
// lines as can be, since each is looked through, compiled and run at every start of every Node. One boot line, one timer,
// two hooks. The whole guard (boot.ts) takes over at the first tick, or when the app listens for a signal; wherever anything
// is not plain it starts in this one's place.
import { isoTime } from './core/iso-time.ts'
import { type QuietBudget, quietBudgetOf, quietlyEnded, quietlyValidated } from './core/quiet.ts'
import { bytes, millis } from './core/units.ts'
import type { QuietStart } from './host/after-quiet-start.ts'
import type { Guard } from './host/hooks.ts'
import { every, type Natives } from './host/natives.ts'
import { followWorkers } from './host/workers.ts'

declare const HEAPGUARD_VERSION: string

/** The default of HEAPGUARD_PULSE_MS. */
const PULSE_MS = 1000
/** As PID 1 the guard listens for signals: as soon as the app has had time to begin. */
const PID1_MS = 50
const STDERR = '/proc/self/fd/2'
/** As in captured.ts. */
const GUARD_FILE = 'preload.js'

/**
 * Says the boot line where all is plain, and stands in for the guard until `whole` is needed. undefined: nothing was said
 * or done. Throws nothing.
 */
export function startQuietly(natives: Natives, whole: (quiet: QuietStart) => Guard): Guard | undefined {
  const { env, pid, ppid, readFileSync, readlinkSync, openSync, writeSync, closeSync } = natives
  const { getHeapStatistics, uptime, now, constants } = natives
  const { CONTAINER_MEMORY_MB, NODE_OPTIONS } = env
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
  const readText = (path: string): string => readFileSync(path, 'utf8')
  const stamp = () => ({ time: isoTime(now()), pid })
  const write = (line: string): void => {
    const fd = openSync(STDERR, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    try {
      writeSync(fd, line)
    } finally {
      closeSync(fd)
    }
  }
  let budget: QuietBudget | undefined
  let stderr: string
  try {
    stderr = readlinkSync(STDERR)
    if (!stderr.startsWith('pipe:') || env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE) return undefined
    // A parent under the guard may hold the other end (captured.ts finds out).
    const above = `/proc/${ppid}/`
    if (pid !== 1 && (readText(`${above}environ`) + readText(`${above}cmdline`)).includes(GUARD_FILE)) return undefined
    budget = quietBudgetOf({
      readText,
      nodeOptions: NODE_OPTIONS,
      execArgv: natives.execArgv,
      operatorText: CONTAINER_MEMORY_MB || undefined,
      constrained: natives.constrainedMemory?.call(process) ?? 0,
      heapLimitBytes: bytes(getHeapStatistics().heap_size_limit),
    })
    if (budget === undefined) return undefined
    write(quietlyValidated(budget, stamp(), HEAPGUARD_VERSION, natives.version))
  } catch {
    // A file that is not where it usually is, a pipe that is full or another user's: the long way knows them all.
    return undefined
  }

  const startedAtMs = millis(uptime() * 1000)
  const liveWorkers = followWorkers()
  let guard: Guard | undefined
  const handOver = (isDue: boolean): Guard => {
    stop()
    guard ??= whole({
      budget,
      variables: { NODE_OPTIONS, CONTAINER_MEMORY_MB },
      stderr,
      liveWorkers,
      startedAtMs,
      isDue,
    })
    return guard
  }
  const stop = every(natives, pid === 1 ? PID1_MS : PULSE_MS, () => {
    try {
      handOver(pid !== 1)
    } catch (error) {
      write(`heapguard: could not go on (${(error as Error).message}); the app runs without it\n`)
    }
  })
  return {
    aboutToListen: event => {
      if (guard !== undefined || event === 'SIGTERM' || event === 'SIGINT') handOver(false).aboutToListen(event)
    },
    ended: (reason, exitCode) => {
      if (guard !== undefined) return guard.ended(reason, exitCode)
      if (readlinkSync(STDERR) !== stderr) return
      // `VmHWM:	   51234 kB`, the most RSS so far.
      const [, peak = ''] = readText('/proc/self/status').split('VmHWM:', 2)
      const peakHeapUsedBytes = bytes(getHeapStatistics().used_heap_size)
      const peakRssBytes = bytes(Number.parseInt(peak, 10) * 1024)
      write(
        quietlyEnded({ reason, exitCode, peakRssBytes, peakHeapUsedBytes, uptimeMs: millis(uptime() * 1000) }, stamp()),
      )
    },
  }
}
