// HEAPGUARD_ON_CRITICAL=sigterm, carried out. In the second file.
import { NOT_DRAINED, stepDrain } from '../core/drain.ts'
import { draining, nobodyDrains } from '../core/report-watch.ts'
import type { Log } from '../host/log.ts'
import type { OwnSignal } from '../host/own-signal.ts'

const SIGNAL = 'SIGTERM'

/** Returns what is told of each look whether it is critical. It throws what sending a signal throws. */
export function openDrain({ isHeard, send }: OwnSignal, log: Log): (isCritical: boolean) => void {
  let state = NOT_DRAINED
  return isCritical => {
    const next = stepDrain(state, isCritical, () => isHeard(SIGNAL))
    state = next.state
    if (next.act === 'say-nobody-listens') log.say(nobodyDrains(SIGNAL))
    if (next.act !== 'send') return
    // The line first: what the app does at the signal may end the process on the spot.
    log.say(draining(SIGNAL))
    send(SIGNAL)
  }
}
