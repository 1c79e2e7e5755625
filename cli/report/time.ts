// Times for people, UTC.

/** 19:14:45 */
export const clock = (ms: number): string => iso(ms).slice(11, 19)

/** 2026-11-23 */
export const day = (ms: number): string => iso(ms).slice(0, 10)

// A log may name a year that no calendar has; a report of it is still a report.
const iso = (ms: number): string => new Date(Math.max(0, Math.min(ms, 253_402_300_799_000))).toISOString()
