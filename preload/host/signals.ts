// SIGTERM and SIGINT, heard without being seen. The guard holds no signal of its own while the app has none: any handler,
// hidden ones too, would replace the default action. When the app adds its first listener, Node makes a signal handle and
// binds it to process.emit as it stands at that moment. For just that call process.emit reads as a dispatcher of ours,
// which tells the guard and then calls the emit that would have been bound: no listener, nothing left on process.
import type { ListeningProcess } from './hooks.ts'
import { isHeard, listenersOf } from './listeners.ts'
import type { FollowVisibly, VisibleFollower } from './visible-signals.ts'

/** Told when a signal is delivered, before the app's own handlers run. */
export type OnDelivered = (signal: WatchedSignal, appHandles: boolean) => void

export const WATCHED_SIGNALS = ['SIGTERM', 'SIGINT'] as const
export type WatchedSignal = (typeof WATCHED_SIGNALS)[number]

export interface SignalFollower {
  /** Call when the app is about to add a listener for `event`, before Node's own newListener listener runs. */
  readonly aboutToListen: (event: string) => void
  /** As PID 1: listen again where the app has removed its last listener. Does nothing elsewhere. */
  readonly refresh: () => void
  readonly stop: () => void
}

type Emit = ListeningProcess['emit']
type Internal = (signal: string) => void

/** Node's own functions behind process.on(signal), by name: the same in 18 to 26; a test on each major holds them. */
interface Internals {
  readonly start: Internal
  readonly stop: Internal
}

/**
 * Follows the app's listeners. As PID 1, where the kernel ignores a signal that has no handler, it listens from the
 * start: the process lives on as it would have, and `onDelivered` hears of it. Never throws for what it finds of Node:
 * where the internals are not as expected, a visible listener that steps aside at delivery does the same job.
 */
export function followSignals(
  target: ListeningProcess,
  isPid1: boolean,
  onDelivered: OnDelivered,
  loadFallback: () => FollowVisibly,
): SignalFollower {
  let running = true
  const tell = (signal: WatchedSignal): void => {
    if (!running) return
    try {
      onDelivered(signal, isHeard(target, signal))
    } catch {
      // The app's handlers run whatever befalls the guard.
    }
  }
  const internals = findInternals(target)
  let follow = internals === undefined ? undefined : hiddenFollower(target, internals, tell)
  let fallback: VisibleFollower | undefined

  const listenTo = (signal: WatchedSignal): void => {
    if (follow?.(signal) === false) follow = undefined
    if (follow !== undefined || isPid1) return
    fallback ??= loadFallback()(target, tell)
    fallback.aboutToListen(signal)
  }
  // As PID 1: the signals that are heard for the guard alone, since the app has no listener of its own.
  const heardAlone = new Set<WatchedSignal>()
  const refresh = (): void => {
    if (!isPid1 || !running) return
    for (const signal of WATCHED_SIGNALS) {
      if (heardAlone.has(signal) || isHeard(target, signal)) continue
      listenTo(signal)
      heardAlone.add(signal)
    }
  }
  refresh()
  // Another preload listens already: its handle is bound anew, to the dispatcher.
  for (const signal of WATCHED_SIGNALS) if (isHeard(target, signal)) listenTo(signal)

  return {
    aboutToListen: event => {
      const signal = WATCHED_SIGNALS.find(watched => watched === event)
      if (signal === undefined || !running || isHeard(target, signal)) return
      heardAlone.delete(signal)
      listenTo(signal)
    },
    refresh,
    stop: () => {
      running = false
      fallback?.stop()
    },
  }
}

function findInternals(target: ListeningProcess): Internals | undefined {
  const named = (event: string, name: string): Internal | undefined =>
    listenersOf(target, event).find(listener => listener.name === name) as Internal | undefined
  const start = named('newListener', 'startListeningIfSignal')
  const stop = named('removeListener', 'stopListeningIfSignal')
  return start === undefined || stop === undefined ? undefined : { start, stop }
}

/** Returns a function that makes Node's handle for a signal with our dispatcher in it; false: Node did not take it. */
function hiddenFollower(
  target: ListeningProcess,
  { start, stop }: Internals,
  tell: (signal: WatchedSignal) => void,
): (signal: WatchedSignal) => boolean {
  return signal => {
    const original = target.emit
    let taken = false
    const dispatcher: Emit = (...args) => {
      // An async_hooks init hook of the app runs inside this call of Node's, and may emit something else with it.
      if (args[0] === signal) tell(signal)
      return original.apply(target, args)
    }
    // A handle that stands already was made for another's emit (or by us in another async context): end it first.
    withProperty(target, 'listenerCount', { value: () => 0 }, () => stop(signal))
    const read = (): Emit => {
      taken = true
      return dispatcher
    }
    withProperty(target, 'emit', { get: read }, () => start(signal))
    return taken
  }
}

/** Shows `process` with another property for one call of Node's own code, and puts back exactly what was there. */
function withProperty(target: object, name: string, shown: PropertyDescriptor, call: () => void): void {
  const own = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { ...shown, configurable: true })
  try {
    call()
  } finally {
    if (own === undefined) delete (target as Record<string, unknown>)[name]
    else Object.defineProperty(target, name, own)
  }
}
