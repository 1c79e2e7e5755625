// Who listens on process, read where Node's EventEmitter keeps it, and not asked of its methods. V8 keeps for each of Node's
// functions what it was called with, for all that call it: with process asked about while a server was busy, each request
// took five slow loads more on Node 20, some 300 instructions of 49,300 (docs/performance.md).
import type { Listener, ListeningProcess } from './hooks.ts'

/** One listener as it is, more of them in an array. */
type Kept = Listener | readonly Listener[] | undefined

/** The listeners for an event, one that was added with once() in its wrapper. Throws nothing but what an app's own listeners() throws. */
export function listenersOf(target: ListeningProcess, event: string): readonly Listener[] {
  const { _events: events } = target as { readonly _events?: Readonly<Record<string, Kept>> | null }
  // All of Node's have it; an app may have put something else there.
  if (typeof events !== 'object' || events === null) return target.listeners(event)
  const kept = events[event]
  if (kept === undefined) return []
  return typeof kept === 'function' ? [kept] : kept
}

/** Does anybody listen for it? Throws as listenersOf does. */
export const isHeard = (target: ListeningProcess, event: string): boolean => listenersOf(target, event).length > 0
