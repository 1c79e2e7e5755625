// The only place where units convert. MB is 1,048,576 bytes, as in Node's own --max-old-space-size.

declare const unit: unique symbol

/** A count of bytes, never negative. */
export type Bytes = number & { readonly [unit]: 'bytes' }
/** A span of time in milliseconds. */
export type Millis = number & { readonly [unit]: 'ms' }
/** A share, 0 to 1; above 1 where something exceeds its limit. */
export type Ratio = number & { readonly [unit]: 'ratio' }

const BYTES_PER_MB = 1_048_576

// The two that brand are declarations, of which the build leaves no call.

/** Brands a number that is known to be bytes: a kernel file's value, a V8 statistic. */
export function bytes(value: number): Bytes {
  return value as Bytes
}

/** Brands a number that is known to be milliseconds. */
export function millis(value: number): Millis {
  return value as Millis
}

/** MB to bytes; exact for whole MB. */
export function mbToBytes(mb: number): Bytes {
  'at start'
  return (mb * BYTES_PER_MB) as Bytes
}

/** Bytes to MB, exact: 402,653,184 -> 384. */
export const bytesToMB = (value: Bytes): number => value / BYTES_PER_MB

/** Bytes to MB rounded to one decimal, the form that every record key ending in MB has. */
export function roundedMB(value: Bytes): number {
  'at start'
  return Math.round((value * 10) / BYTES_PER_MB) / 10
}

/** A part of a whole, rounded to three decimals, the form of every record key ending in Ratio. */
export const roundedRatio = (part: number, whole: number): number => Math.round((part * 1000) / whole) / 1000

/** Percent (1-100) to a ratio. */
export const percentToRatio = (percent: number): Ratio => (percent / 100) as Ratio

/** Milliseconds to seconds rounded to one decimal. */
export const roundedSeconds = (value: Millis): number => Math.round(value / 100) / 10

/** Milliseconds to seconds, exact. */
export const millisToSeconds = (value: Millis): number => value / 1000

/**
 * Parses a kernel file's or a variable's whole number of bytes: digits alone, within the safe integers.
 * Returns undefined for anything else ("0x200", "1e9", "5 5", ""); never throws.
 */
export function parseBytes(text: string): Bytes | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? (value as Bytes) : undefined
}
