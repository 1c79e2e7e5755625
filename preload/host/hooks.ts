// The guard's two listeners on process: one for newListener, in front of Node's own, and one for exit. Each leaves where it
// would be the one that makes Node warn of a leak.
import type { ExitReason } from '../core/report.ts'
import { exitReason } from './exit.ts'

export type Listener = (...args: never[]) => void

/** The parts of `process` that listening takes, as an EventEmitter's: its typed overloads know no other event names. */
export interface ListeningProcess {
  emit: (event: string, ...args: unknown[]) => boolean
  readonly listeners: (event: string) => readonly Listener[]
  readonly listenerCount: (event: string) => number
  readonly getMaxListeners: () => number
  readonly on: (event: string, listener: Listener) => unknown
  readonly prependListener: (event: string, listener: Listener) => unknown
  readonly removeListener: (event: string, listener: Listener) => unknown
}

/** What is told of the process. What it throws ends in the hooks. */
export interface Guard {
  /** Just before the app's listener for `event` is added, and before Node's own newListener listener runs. */
  readonly aboutToListen: (event: string) => void
  /**
   * The process ends in a way that still runs JS; the code is the one so far. Nothing is told of process.reallyExit, abort,
   * SIGKILL, a signal's default action or V8's own end.
   */
  readonly ended: (reason: ExitReason, exitCode: number) => void
}

/** Marks our listener, so that a second load in the same process finds the first. */
const MARK: unique symbol = Symbol.for('heapguard')

/** Is a guard at work in this process already? */
export const isLoaded = (target: ListeningProcess): boolean =>
  target.listeners('newListener').some(listener => MARK in listener)

/** Where the hooks find the guard of the moment. */
export interface Slot {
  guard?: Guard
}

/** Installs both; returns their undo. Throws what installing throws, with nothing left behind. */
export function hookProcess(target: ListeningProcess, slot: Slot): () => void {
  'at start'
  const onExit = (exitCode: number): void => {
    try {
      slot.guard?.ended(exitCode === 0 ? 'exit' : exitReason(), exitCode)
    } catch {
      // The app's own exit listeners and its code come first.
    }
  }
  const onNewListener = (event: string | symbol): void => {
    try {
      if (typeof event === 'string') slot.guard?.aboutToListen(event)
      // Node warns when a listener makes more than the most (0: no bound): with ours gone it warns when it would have without it.
      const own = event === 'exit' ? onExit : event === 'newListener' ? onNewListener : undefined
      const most = own && target.getMaxListeners()
      if (own && most && target.listenerCount(event as string) + 1 > most) target.removeListener(event as string, own)
    } catch {
      // The app's `process.on` must not fail; the guard hears nothing of it.
    }
  }
  const unhook = (): void => {
    target.removeListener('exit', onExit)
    target.removeListener('newListener', onNewListener)
  }
  ;(onNewListener as { [MARK]?: boolean })[MARK] = true
  try {
    target.on('exit', onExit)
    target.prependListener('newListener', onNewListener)
  } catch (error) {
    unhook()
    throw error
  }
  return unhook
}
