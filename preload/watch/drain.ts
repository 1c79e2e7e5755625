// HEAPGUARD_ON_CRITICAL=sigterm, carried out. In the second file.
import { DRAIN_SIGNAL, NOT_DRAINED, signalled, stepDrain } from '../core/drain.ts'
import { draining, nobodyDrains } from '../core/report-watch.ts'
import type { Log } from '../host/log.ts'
import type { OwnSignal } from '../host/own-signal.ts'

/** This process's: a signal can come before the first look. */
let state = NOT_DRAINED

/** Returns what is told of each look whether it is critical. It throws what sending a signal throws. */
export function openDrain({ isHeard, send }: OwnSignal, log: Log): (isCritical: boolean) => void {
  return isCritical => {
    const next = stepDrain(state, isCritical, () => isHeard(DRAIN_SIGNAL))
    state = next.state
    if (next.act === 'say-nobody-listens') log.say(nobodyDrains(DRAIN_SIGNAL))
    if (next.act !== 'send') return
    // The line first: what the app does at the signal may end the process on the spot.
    log.say(draining(DRAIN_SIGNAL))
    send(DRAIN_SIGNAL)
  }
}

/** A signal arrived that the app handles; true: it is the guard's own. */
export function isOwnSignal(signal: string): boolean {
  const next = signalled(state, signal)
  state = next.state
  return next.isOwn
}
