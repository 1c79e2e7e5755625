// HEAPGUARD_ON_CRITICAL=sigterm: when this process is sent SIGTERM, so that the app's own shutdown runs before the kernel's.

export type DrainState =
  | { readonly kind: 'watching'; readonly criticalLooks: number; readonly hasSaidNobodyListens: boolean }
  /** Once in a process's life; it has not arrived yet. */
  | { readonly kind: 'sent' }
  /** The app was told to stop: to many a second signal means to end at once, whatever is under way. */
  | { readonly kind: 'told' }

export type DrainAct = 'none' | 'send' | 'say-nobody-listens'

/** So many looks in a row find it critical: one alone can be a peak. */
const CRITICAL_LOOKS = 3
export const DRAIN_SIGNAL = 'SIGTERM'

/** The state before the first look. */
export const NOT_DRAINED: DrainState = { kind: 'watching', criticalLooks: 0, hasSaidNobodyListens: false }

/**
 * One look more. `appListens` is asked only when it matters, and says whether the app has a listener for SIGTERM at that
 * moment: without one the signal's default action would end the process on the spot. An app that begins to listen later
 * is sent it then, where it is still critical. Never throws.
 */
export function stepDrain(
  state: DrainState,
  isCritical: boolean,
  appListens: () => boolean,
): { readonly state: DrainState; readonly act: DrainAct } {
  if (state.kind !== 'watching') return { state, act: 'none' }
  const criticalLooks = isCritical ? Math.min(state.criticalLooks + 1, CRITICAL_LOOKS) : 0
  const next = { ...state, criticalLooks }
  if (criticalLooks < CRITICAL_LOOKS) return { state: next, act: 'none' }
  if (appListens()) return { state: { kind: 'sent' }, act: 'send' }
  return {
    state: { ...next, hasSaidNobodyListens: true },
    act: state.hasSaidNobodyListens ? 'none' : 'say-nobody-listens',
  }
}

/** A signal arrived that the app handles: whether it is the one that was sent from here. Never throws. */
export function signalled(state: DrainState, signal: string): { readonly state: DrainState; readonly isOwn: boolean } {
  return { state: { kind: 'told' }, isOwn: state.kind === 'sent' && signal === DRAIN_SIGNAL }
}
