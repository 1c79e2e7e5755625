// The level that the heap is judged by, from what V8's major collections leave behind, and whether V8 finds room any more.
import type { Sample } from './sample.ts'
import { growthOf, type Point } from './trend.ts'
import { type Bytes, bytes, bytesToMB, type Millis } from './units.ts'

/** What a major collection left behind, and what it freed together with those before it that no look came between. */
export interface Floor extends Point {
  readonly freed: number
  /** Major collections until then. */
  readonly collections: number
}

/** What the heap's level is told by. */
export interface HeapState {
  readonly limits: { readonly ceilingBytes: Bytes; readonly criticalPercent: number }
  readonly heap: { readonly rung: string | undefined }
  /** What the last major collections left behind: the heap's level as soon as it was noticed. */
  readonly floors: readonly Floor[]
  /** The highest level since the last of them. */
  readonly sinceFloor: Bytes
  readonly majorCollections: number
}

/** What collections leave is compared over so many of them. */
const FLOORS_KEPT = 8
/**
 * V8 lets the old generation grow half-way to its ceiling before it collects again (MemoryController, heap-controller.cc),
 * so a level like this is only reached by what collections left, whether one was noticed or not.
 */
const SURE_PERCENT = 96

/** So many hundredths of the whole. */
export const share = (percent: number, whole: Bytes): number => (whole * percent) / 100

/** The floors with this sample's, where it is one. Never throws. */
export function floorsWith(
  state: HeapState,
  { oldSpaceBytes: value, majorCollections }: Sample,
  now: Millis,
): readonly Floor[] {
  const { floors, sinceFloor } = state
  const last = floors.at(-1)
  const floor = { atMs: now, value, freed: Math.max(0, sinceFloor - value), collections: majorCollections }
  if (majorCollections > state.majorCollections) return [...floors, floor].slice(-FLOORS_KEPT)
  // The old generation gets smaller by a major collection alone: one that was not noticed yet.
  if (last !== undefined && value < last.value) return [...floors.slice(0, -1), floor]
  return floors
}

/**
 * V8 gives up from 80 % of the ceiling on when four collections in a row take most of the time and free next to nothing
 * (heap.cc, "Ineffective mark-compacts near heap limit"): with a large young generation, and a leak that is fast, well
 * before the second rung.
 */
export const CRAMPED_PERCENT = 79
const CRAMPED_COLLECTIONS = 4
/** Back to back they take about 1 ms a MB each [measured: 130 to 170 ms at 128 MB, 50 to 60 at 64]. */
const CRAMPED_MS_A_MB = 1
/** Freed less than this share of the ceiling: next to nothing. */
const FREED_SHARE = 0.03

/**
 * On a rung and with the whole ceiling taken, a large allocation finds no room (an array or a Map that grows needs its
 * old and its new place at once): V8 ends at 90 % of use then [measured].
 */
const TAKEN_PERCENT = 97

/** Whether V8 finds next to no room any more, whatever the level. Never throws. */
export function isCrampedAt(
  { floors, heap, limits: { ceilingBytes }, majorCollections }: HeapState,
  { oldCapacityBytes }: Sample,
  now: Millis,
): boolean {
  if (heap.rung !== undefined && oldCapacityBytes >= share(TAKEN_PERCENT, ceilingBytes)) return true
  // Counted as V8 counts them: two that came between two looks left one floor [measured: Node 20, 64 MB, 55 ms apart].
  const first = floors.filter(floor => floor.collections + CRAMPED_COLLECTIONS <= majorCollections + 1).at(-1)
  return (
    first !== undefined &&
    now - first.atMs < bytesToMB(ceilingBytes) * CRAMPED_MS_A_MB * (majorCollections + 1 - first.collections) &&
    floors.every(({ atMs, freed }) => atMs < first.atMs || freed < ceilingBytes * FREED_SHARE) &&
    (floors.at(-1) as Floor).value >= share(CRAMPED_PERCENT, ceilingBytes)
  )
}

/**
 * The level that the heap is judged by: what the last major collection left behind and, where that rises from one to the
 * next, what it would leave by now; never more than there is. A peak between two collections is none.
 */
export function heapLevel(state: HeapState, { oldSpaceBytes, memory }: Sample, now: Millis): Bytes {
  const { limits, floors, heap } = state
  // On the way up already, or at a level that garbage alone cannot reach: what there is counts.
  const sure = share(Math.max(SURE_PERCENT, limits.criticalPercent), limits.ceilingBytes)
  if (
    oldSpaceBytes >= sure ||
    (heap.rung !== undefined && oldSpaceBytes >= share(limits.criticalPercent, limits.ceilingBytes))
  )
    return oldSpaceBytes
  const [first] = floors
  const last = floors.at(-1)
  // None noticed yet, but V8 has collected before it let the heap grow half-way to its ceiling.
  if (first === undefined || last === undefined) return bytes(Math.max(0, 2 * oldSpaceBytes - limits.ceilingBytes))
  const growth = growthOf(floors)
  const ahead = growth?.isSteady ? growth.perMs * Math.min(now - last.atMs, last.atMs - first.atMs) : 0
  return bytes(Math.min(memory.heapUsed, last.value + ahead))
}
