// One listener for newListener, in front of Node's own, shared by all who must know that the app starts to listen.

type Listener = (...args: never[]) => void

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

/** Called just before the app's listener for `event` is added. */
export type AboutToListen = (event: string) => void

/** Marks our listener, so that a second load in the same process finds the first. */
const MARK: unique symbol = Symbol.for('heapguard')

/** Is a guard at work in this process already? */
export const isLoaded = (target: ListeningProcess): boolean =>
  target.listeners('newListener').some(listener => MARK in listener)

/** Installs the listener; returns its undo. What `about` throws ends here: the app's `process.on` must not fail. */
export function watchNewListeners(target: ListeningProcess, about: AboutToListen): () => void {
  const onNewListener = (event: string | symbol): void => {
    try {
      if (typeof event === 'string') about(event)
      // One more would make Node warn of a leak: with ours gone it warns when it would have without the guard.
      if (event === 'newListener' && target.listenerCount(event) === target.getMaxListeners()) stop()
    } catch {
      // The app listens as it would have; the guard hears nothing of it.
    }
  }
  Object.defineProperty(onNewListener, MARK, { value: true })
  const stop = (): void => {
    target.removeListener('newListener', onNewListener)
  }
  target.prependListener('newListener', onNewListener)
  return stop
}
