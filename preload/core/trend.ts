// How fast something grows: estimates that one odd sample cannot bend, and a memory of samples that does not grow.
import type { Millis } from './units.ts'

/** A value at a time. */
export interface Point {
  readonly atMs: Millis
  readonly value: number
}

/** Growth in units of the value per millisecond. */
export interface Growth {
  /** The median of all slopes (Theil-Sen): up to 29 % of the points may be anything. */
  readonly perMs: number
  /** Whether three of four slopes go up: what rises and falls by turns does not. */
  readonly isSteady: boolean
}

/** The robust growth of points, at least two of them at different times; undefined for less. */
export function growthOf(points: readonly Point[]): Growth | undefined {
  const slopes: number[] = []
  for (let i = 0; i < points.length; i++)
    for (let j = i + 1; j < points.length; j++) {
      const a = points[i] as Point
      const b = points[j] as Point
      if (b.atMs > a.atMs) slopes.push((b.value - a.value) / (b.atMs - a.atMs))
    }
  if (slopes.length === 0) return undefined
  slopes.sort((a, b) => a - b)
  const at = (share: number): number => slopes[Math.floor((slopes.length - 1) * share)] as number
  return { perMs: at(0.5), isSteady: at(0.25) > 0 }
}

/** What is said of an end that is further away: nothing. */
const FORESEEABLE_MS = 86_400_000

/** Time until `value` reaches `limit` at this growth; undefined where it does not rise steadily, or not within a day. */
export function timeTo(limit: number, value: number, growth: Growth | undefined): Millis | undefined {
  if (growth === undefined || !growth.isSteady || growth.perMs <= 0) return undefined
  const left = Math.max(0, limit - value) / growth.perMs
  return left <= FORESEEABLE_MS ? (left as Millis) : undefined
}

const MOST_KEPT = 48
/** So many of the newest are never thinned out. */
const NEWEST_KEPT = 16

/**
 * The samples with one more. When there are too many, the older ones are thinned out, those that lie closest together
 * for their age first: the last seconds stay dense, and the first sample stays however long ago it was.
 */
export function remember<T extends { readonly atMs: Millis }>(kept: readonly T[], latest: T): readonly T[] {
  const all = [...kept, latest]
  if (all.length <= MOST_KEPT) return all
  let least = Number.POSITIVE_INFINITY
  let drop = 1
  for (let i = 1; i < all.length - NEWEST_KEPT; i++) {
    const gap = ((all[i + 1] as T).atMs - (all[i - 1] as T).atMs) / (latest.atMs - (all[i] as T).atMs)
    if (gap < least) {
      least = gap
      drop = i
    }
  }
  all.splice(drop, 1)
  return all
}
