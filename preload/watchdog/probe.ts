// What a blocked main thread holds, and who allocated it: asked by way of its sampling profile, which makes it collect.
import type { Suspect } from '../core/suspects.ts'
import { type Bytes, bytesToMB, type Millis } from '../core/units.ts'
import type { HeapUsage, MainThread } from './main-thread.ts'

/** From this share of the ceiling on it is asked … */
const PROBE_SHARE = 0.6
/** … and again when it has grown by a tenth of the ceiling, or after this time where much of it was garbage. */
const PROBE_EACH_MS = 2000
/** Where a collection left this share, the loop keeps what it makes. */
const KEPT_SHARE = 0.8
/** Such a heap is its own floor, noted so often: slower than what the ladder takes for a heap without room. */
const FLOOR_MS_A_MB = 1.5

export interface ProbeParts {
  readonly now: () => Millis
  /** See View. */
  readonly countCollection: () => void
  /** There are names now. */
  readonly onNamed: () => void
}

export interface Probe {
  /** Who allocated what was held at the last answer. */
  readonly named: () => readonly Suspect[]
  /** Looks at a heap of this size, and asks where that is due. */
  readonly look: (main: MainThread, usage: HeapUsage, ceilingBytes: Bytes) => void
  /** The main thread turns again: what was known of it is over. */
  readonly forget: () => void
}

/** Has asked nothing yet. */
export function openProbe({ now, countCollection, onNamed }: ProbeParts): Probe {
  let named: readonly Suspect[] = []
  let askedAt = Number.NEGATIVE_INFINITY
  let askedUsed = 0
  let isAsking = false
  let keepsAll = false
  let floorAt = 0

  const noteFloor = (ceilingBytes: Bytes): void => {
    if (now() - floorAt < bytesToMB(ceilingBytes) * FLOOR_MS_A_MB) return
    floorAt = now()
    countCollection()
  }
  const ask = (main: MainThread, used: Bytes, ceilingBytes: Bytes): void => {
    const isHigher = used >= askedUsed + ceilingBytes / 10
    const isDue = isHigher || (!keepsAll && now() - askedAt >= PROBE_EACH_MS)
    if (isAsking || !isDue || !main.isSampling()) return
    isAsking = true
    askedAt = now()
    askedUsed = used
    main.suspects(found => {
      named = found
      onNamed()
      main.ask(({ used: left }) => {
        isAsking = false
        keepsAll = left >= used * KEPT_SHARE
        noteFloor(ceilingBytes)
      })
    })
  }

  return {
    named: () => named,
    look: (main, { used }, ceilingBytes) => {
      if (used >= ceilingBytes * PROBE_SHARE) ask(main, used, ceilingBytes)
      if (keepsAll) noteFloor(ceilingBytes)
    },
    forget: () => {
      named = []
      isAsking = false
      keepsAll = false
      askedUsed = 0
      askedAt = Number.NEGATIVE_INFINITY
    },
  }
}
