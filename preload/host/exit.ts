// The one listener for exit. It leaves where it would be the one that makes Node warn of a leak.
import type { ListeningProcess } from './new-listener.ts'

export type ExitReason = 'exit' | 'uncaught'

export interface ExitHook {
  /** Call when the app is about to add a listener for `event`. */
  readonly aboutToListen: (event: string) => void
  readonly stop: () => void
}

/**
 * Calls back when the process ends in a way that still runs JS. The code is the one so far. Nothing is called for
 * process.reallyExit, abort, SIGKILL, a signal's default action or V8's own end.
 */
export function hookExit(target: ListeningProcess, onExit: (reason: ExitReason, exitCode: number) => void): ExitHook {
  const listener = (exitCode: number): void => {
    try {
      onExit(exitReason(), exitCode)
    } catch {
      // The app's own exit listeners and its code come first.
    }
  }
  target.on('exit', listener)
  const stop = (): void => {
    target.removeListener('exit', listener)
  }
  return {
    // Node warns when a listener makes more than the most: with ours gone it warns when it would have without it.
    aboutToListen: event => {
      if (event === 'exit' && target.listenerCount('exit') === target.getMaxListeners()) stop()
    },
    stop,
  }
}

/**
 * Which of Node's own functions emitted 'exit'. A listener for uncaughtExceptionMonitor would say it too, but could be
 * seen, and fires for exceptions that the app survives. Error's two settings are the guard's for this call alone.
 */
function exitReason(): ExitReason {
  const { stackTraceLimit, prepareStackTrace } = Error
  try {
    Error.stackTraceLimit = 50
    Error.prepareStackTrace = (_, frames) => frames
    for (const frame of new Error().stack as unknown as readonly NodeJS.CallSite[]) {
      const file = frame.getFileName()
      if (file === 'node:internal/process/per_thread') return 'exit'
      if (file === 'node:internal/process/execution') return 'uncaught'
    }
    return 'exit'
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    if (prepareStackTrace === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace
    else Error.prepareStackTrace = prepareStackTrace
  }
}
