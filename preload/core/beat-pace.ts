// How often a beat of the flight record is written: each write costs the app's loop its time.
import { type Millis, millis } from './units.ts'

/** While no limit is near. */
const CALM_MS = 5000
/** A write that takes longer is a slow volume's … */
const SLOW_MS = 5
/** … which rests for so many times as long: at most a hundredth of the loop's time … */
const REST_TIMES = 100
/** … and for no longer than this. */
const MOST_REST_MS = 60_000
/** After a write that failed. */
export const RETRY_MS = millis(60_000)

/** The least time between the beginning of one write and the next. `wroteInMs`: what the last one took. */
export const pauseBeforeBeat = (isNear: boolean, wroteInMs: Millis): Millis =>
  millis(Math.max(isNear ? 0 : CALM_MS, wroteInMs > SLOW_MS ? Math.min(wroteInMs * REST_TIMES, MOST_REST_MS) : 0))
