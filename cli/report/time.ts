// Times for people, UTC.

/** 19:14:45 */
export const clock = (ms: number): string => iso(ms).slice(11, 19)

/** 2026-11-23 */
export const day = (ms: number): string => iso(ms).slice(0, 10)

/** `2026-11-23 19:14:45 to 19:20:01`; the second day only where it is another. */
export const span = (fromMs: number, toMs: number): string =>
  `${day(fromMs)} ${clock(fromMs)} to ${isOfDays(fromMs, toMs) ? `${day(toMs)} ` : ''}${clock(toMs)}`

/** Does a clock alone not say which moment between these two is meant? */
export const isOfDays = (fromMs: number, toMs: number): boolean => day(fromMs) !== day(toMs)

/** 19:14:45, or 11-23 19:14:45 */
export const moment = (ms: number, withDay: boolean): string => `${withDay ? `${day(ms).slice(5)} ` : ''}${clock(ms)}`

// A log may name a year that no calendar has; a report of it is still a report.
const iso = (ms: number): string => new Date(Math.max(0, Math.min(ms, 253_402_300_799_000))).toISOString()
