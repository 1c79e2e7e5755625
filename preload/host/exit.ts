// How a process ends that still runs JS.
import type { ExitReason } from '../core/report.ts'

export type { ExitReason }

/**
 * Which of Node's own functions emitted 'exit'. A listener for uncaughtExceptionMonitor would say it too, but could be
 * seen, and fires for exceptions that the app survives. Asked where the code is not 0: an exception never ends a process
 * with that. Error's two settings are the guard's for this call alone. Where they are frozen, or Error is the app's own, it
 * cannot be told, and counts as an exit. Never throws.
 */
export function exitReason(): ExitReason {
  try {
    const { stackTraceLimit, prepareStackTrace } = Error
    try {
      Error.stackTraceLimit = 50
      Error.prepareStackTrace = (_, frames) => frames
      for (const frame of new Error().stack as unknown as readonly NodeJS.CallSite[]) {
        const file = frame.getFileName()
        if (file === 'node:internal/process/per_thread') return 'exit'
        if (file === 'node:internal/process/execution') return 'uncaught'
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit
      if (prepareStackTrace === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace
      else Error.prepareStackTrace = prepareStackTrace
    }
  } catch {
    // What cannot be told is an exit.
  }
  return 'exit'
}
