// When to look again: often where a limit is near at the present growth, seldom where all is calm.
import { type Millis, millis } from './units.ts'

/** Nothing is looked at more often. */
export const FASTEST_MS = 50

/** So many looks are meant to come before the limit is reached. */
const LOOKS_LEFT = 12

export interface PaceFacts {
  /** The calm pace: HEAPGUARD_PULSE_MS. */
  readonly calmMs: Millis
  /** The pause before this look. */
  readonly lastMs: Millis
  /** Until the nearest limit at the present growth; undefined: nothing grows towards one. */
  readonly nearestMs: Millis | undefined
  /** How late this look came: an event loop that was blocked will be blocked again. */
  readonly lateMs: Millis
  /** Whether a rung is reached. */
  readonly isUp: boolean
}

/**
 * The pause until the next look: a twelfth of the time that is left, less what the loop is late by, from 50 ms to the calm
 * pace. It gets shorter at once and longer by halves; on a rung it is a quarter of the calm pace at most.
 */
export function nextLook({ calmMs, lastMs, nearestMs, lateMs, isUp }: PaceFacts): Millis {
  const wanted = nearestMs === undefined ? calmMs : Math.max(nearestMs - lateMs, 0) / LOOKS_LEFT
  const most = Math.min(isUp ? calmMs / 4 : calmMs, lastMs * 1.5)
  return millis(Math.round(Math.max(FASTEST_MS, Math.min(wanted, most))))
}
