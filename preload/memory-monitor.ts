// The watch's clock: one unref'd timer for the silent looks and the `memory` lines, with its own catch.
import { sampleFailed } from './core/report.ts'
import { type Bytes, bytes, type Millis, millis } from './core/units.ts'
import type { ExitReason } from './host/exit.ts'
import type { Log } from './host/log.ts'

/** Looks at the memory and says what is to be said: from the second file, which is loaded at the first tick. */
export interface Lookout {
  /** One look; with a `memory` line where that is due. `lateMs`: how late it comes. Returns the pause until the next. */
  readonly look: (lateMs: Millis, isLineDue: boolean) => Millis
  /** The most V8 heap in use in any look. */
  readonly peakHeapUsedBytes: () => Bytes
  /** The process ends, with the code so far, or the watch alone (undefined). Does not throw. */
  readonly end: (reason: ExitReason | undefined, exitCode: number | undefined) => void
}

export interface MonitorParts {
  /** Time between `memory` lines; 0 = none. */
  readonly intervalMs: Millis
  /** Time between silent looks until the lookout asks for another; 0 = only with the lines. */
  readonly pulseMs: Millis
  /** Called first at each tick. */
  readonly onTick: () => void
  readonly log: Log
  readonly openLookout: () => Lookout
  /** Since any moment. */
  readonly now: () => Millis
  /** An unref'd interval; returns its undo. */
  readonly every: (interval: Millis, tick: () => void) => () => void
}

/** A first look is not put off for so little. */
const NEARLY_MS = 10

/** Looks each pulse, with a `memory` line each interval. start() and stop() are idempotent; nothing here throws or keeps Node alive. */
export class MemoryMonitor {
  /** `begun`: another has counted the time until now. */
  readonly start: (begun?: { readonly startedAtMs: Millis }) => void
  /** Stops everything; reason and code where the process ends. */
  readonly stop: (reason?: ExitReason, exitCode?: number) => void
  /** One last `memory` line, before the start too, where there are any; the silent looks go on. */
  readonly stopLines: () => void
  /** The most V8 heap in use in any look, in bytes. */
  readonly peakHeapUsed: () => Bytes

  // The state is the constructor's own: names of properties would weigh twice as much in the file that start-up loads.
  constructor({ intervalMs, pulseMs, onTick, log, openLookout, now, every }: MonitorParts) {
    const none = Number.POSITIVE_INFINITY
    const calmMs = pulseMs || intervalMs
    let stopTimer: (() => void) | undefined
    let delayMs = 0
    let dueAt = 0
    let lineAt = none
    let lookout: Lookout | undefined
    let hasFailed = false
    /** The last line. */
    let isSaid = false

    const look = (lateMs: number, isLineDue: boolean): number => {
      try {
        onTick()
        lookout ??= openLookout()
        return lookout.look(millis(lateMs), isLineDue)
      } catch (error) {
        // One bad look does not end the watch; it is said once.
        if (!hasFailed) log.say(sampleFailed(error))
        hasFailed = true
        return calmMs
      }
    }

    /** Sets the timer to the next look or line, whichever comes first; where the pace is the same it is left alone. */
    const wait = (pauseMs: number): void => {
      const at = now()
      dueAt = Math.min(at + pauseMs, lineAt)
      const delay = Math.max(1, Math.round(dueAt - at))
      if (delay === delayMs && stopTimer) return
      if (stopTimer) stopTimer()
      delayMs = delay
      stopTimer = every(millis(delay), tick)
    }

    const tick = (): void => {
      const at = now()
      // A timer may fire half a millisecond early.
      const isLineDue = at + 1 >= lineAt
      // A loop that was blocked for longer does not make up for the lines that it missed.
      if (isLineDue) lineAt = (lineAt + intervalMs > at ? lineAt : at) + intervalMs
      wait(look(Math.max(0, at - dueAt), isLineDue))
    }

    this.start = begun => {
      if (stopTimer || !calmMs) return
      const at = now()
      const startedAtMs = begun ? begun.startedAtMs : at
      if (intervalMs && !isSaid) lineAt = startedAtMs + intervalMs
      dueAt = Math.min(startedAtMs + calmMs, lineAt)
      // The other's clock began to count a moment before it noted the time.
      if (at + NEARLY_MS >= dueAt) tick()
      else wait(dueAt - at)
    }
    this.stop = (reason, exitCode) => {
      if (stopTimer) stopTimer()
      stopTimer = undefined
      isSaid = true
      if (lookout) lookout.end(reason, exitCode)
    }
    this.stopLines = () => {
      if (isSaid || !intervalMs) return
      isSaid = true
      lineAt = none
      look(0, true)
    }
    this.peakHeapUsed = () => (lookout ? lookout.peakHeapUsedBytes() : bytes(0))
  }
}
