// The fallback of signals.ts, for a Node whose internals are not as expected. In the second file.
import type { ListeningProcess } from './hooks.ts'
import { WATCHED_SIGNALS, type WatchedSignal } from './signals.ts'

export interface VisibleFollower {
  /** Call when the app is about to add its first listener for the signal. */
  readonly aboutToListen: (signal: WatchedSignal) => void
  readonly stop: () => void
}
export type FollowVisibly = (target: ListeningProcess, tell: (signal: WatchedSignal) => void) => VisibleFollower

/**
 * The fallback: a listener in front of the app's first that removes itself at delivery, so that code which counts
 * listeners when a signal arrives (signal-exit and all that is built on it) does not see it. While the app listens,
 * listenerCount is one higher, and the handle's async context is the guard's.
 */
export function followVisibly(target: ListeningProcess, tell: (signal: WatchedSignal) => void): VisibleFollower {
  const held = new Map<WatchedSignal, () => void>()
  const release = (signal: WatchedSignal): void => {
    const listener = held.get(signal)
    if (listener === undefined) return
    held.delete(signal)
    target.removeListener(signal, listener)
    if (held.size === 0) target.removeListener('removeListener', onRemoveListener)
  }
  // Ours must not be the last one: it would keep the default action away from an app that no longer listens.
  const onRemoveListener = (event: string | symbol): void => {
    const signal = WATCHED_SIGNALS.find(watched => watched === event)
    if (signal !== undefined && held.has(signal) && target.listenerCount(signal) === 1) release(signal)
  }
  return {
    aboutToListen: signal => {
      if (held.has(signal)) return
      const listener = (): void => {
        release(signal)
        tell(signal)
      }
      if (held.size === 0) target.on('removeListener', onRemoveListener)
      held.set(signal, listener)
      target.prependListener(signal, listener)
    },
    stop: () => {
      for (const signal of WATCHED_SIGNALS) release(signal)
    },
  }
}
