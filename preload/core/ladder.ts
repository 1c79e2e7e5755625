// Whether memory is running out: two resources, two rungs each, and what is to be done about it.
import type { ProcessMemory, Sample } from './sample.ts'
import { growthOf, type Point, timeTo } from './trend.ts'
import { type Bytes, bytes, bytesToMB, type Millis, millis } from './units.ts'
import type { ContainerUsage } from './usage.ts'

export type Resource = 'heap' | 'container'
export type Rung = 'warn' | 'critical'

/** What the rungs are shares of. */
export interface LadderLimits {
  /** Where V8 gives up: of the heap without its young generation. */
  readonly ceilingBytes: Bytes
  /** The least limit that is known; undefined: the container is not judged. */
  readonly containerBytes: Bytes | undefined
  readonly warnPercent: number
  readonly criticalPercent: number
}

export type LadderEvent =
  /** isCramped: V8 finds no room any more, by collecting or by growing, whatever the level. */
  | { readonly kind: 'pressure'; readonly resource: Resource; readonly rung: Rung; readonly isCramped: boolean }
  | { readonly kind: 'pressure-eased'; readonly resource: Resource }
  | { readonly kind: 'oom-kill'; readonly count: number }
  /** Begin to sample allocations, or stop. */
  | { readonly kind: 'profile'; readonly on: boolean }

/** What a major collection left behind, and what it freed. */
export interface Floor extends Point {
  readonly freed: number
}

/** One resource on its way up and down. */
export interface Climb {
  /** The highest rung of this climb; undefined: none. */
  readonly rung: Rung | undefined
  /** Since when it has been back under; undefined: it has not. */
  readonly underSince: Millis | undefined
}

export interface LadderState {
  readonly limits: LadderLimits
  readonly heap: Climb
  readonly container: Climb
  /** What the last major collections left behind: the heap's level as soon as it was noticed. */
  readonly floors: readonly Floor[]
  /** The highest level since the last of them. */
  readonly sinceFloor: Bytes
  readonly majorCollections: number
  /** The group's oom_kill counter, where it is known. */
  readonly oomKills: number | undefined
  readonly isProfiling: boolean
  /** Since when no allocation needs to be sampled; undefined: they need to. */
  readonly calmSince: Millis | undefined
}

const AT_REST: Climb = { rung: undefined, underSince: undefined }

/** The state before the first sample. */
export const ladderOf = (limits: LadderLimits): LadderState => ({
  limits,
  heap: AT_REST,
  container: AT_REST,
  floors: [],
  sinceFloor: bytes(0),
  majorCollections: 0,
  oomKills: undefined,
  isProfiling: false,
  calmSince: undefined,
})

/** A climb is over so far below the first rung … */
const EASED_POINTS = 5
/** … for so long: what swings around the line is one climb. */
const EASED_AFTER_MS = 5000
/** What collections leave is compared over so many of them. */
const FLOORS_KEPT = 8
/**
 * V8 lets the old generation grow half-way to its ceiling before it collects again (MemoryController, heap-controller.cc),
 * so a level like this is only reached by what collections left, whether one was noticed or not.
 */
const SURE_PERCENT = 96

const share = (percent: number, whole: Bytes): number => (whole * percent) / 100

/**
 * One sample more: the new state and what is to be said and done. A climb says each rung once, the higher one alone where
 * it skips one, and `pressure-eased` when it is over. Never throws; allocates little.
 */
export function step(
  state: LadderState,
  sample: Sample,
  now: Millis,
): { readonly state: LadderState; readonly events: readonly LadderEvent[] } {
  const { limits } = state
  const events: LadderEvent[] = []
  const floors = floorsWith(state, sample, now)
  const sinceFloor = bytes(Math.max(floors.at(-1) === state.floors.at(-1) ? state.sinceFloor : 0, sample.oldSpaceBytes))
  const collected = { ...state, floors, sinceFloor, majorCollections: sample.majorCollections }
  const level = heapLevel(collected, sample, now)
  const heap = climb(
    state.heap,
    'heap',
    level,
    limits.ceilingBytes,
    limits,
    now,
    events,
    isCrampedAt(collected, sample, now),
  )
  const used = containerUsed(sample)
  const container =
    limits.containerBytes === undefined
      ? AT_REST
      : climb(state.container, 'container', used, limits.containerBytes, limits, now, events)

  const { oomKill } = sample.container.events ?? {}
  if (oomKill !== undefined && state.oomKills !== undefined && oomKill > state.oomKills)
    events.push({ kind: 'oom-kill', count: oomKill - state.oomKills })

  const climbed = { ...collected, heap, container, oomKills: oomKill ?? state.oomKills }
  const isWanted = heap.rung !== undefined || isHeapHeadingUp(climbed, sample)
  const calmSince = isWanted ? undefined : (state.calmSince ?? now)
  const isProfiling = isWanted || (state.isProfiling && now - (calmSince as Millis) < PROFILE_AFTER_MS)
  if (isProfiling !== state.isProfiling) events.push({ kind: 'profile', on: isProfiling })
  return { state: { ...climbed, isProfiling, calmSince }, events }
}

/** The same climbs under other limits: a resize begins no new climb. */
export const underLimits = (state: LadderState, limits: LadderLimits): LadderState => ({ ...state, limits })

/**
 * What of the container's memory is held, in bytes: the working set without the file pages that the kernel can take back,
 * active ones too; tmpfs is no such page. Where the usage cannot be read, this process's RSS.
 */
export function containerUsed({
  container,
  memory,
}: {
  readonly container: ContainerUsage
  readonly memory: Pick<ProcessMemory, 'rss'>
}): Bytes {
  return heldBytes(container) ?? memory.rss
}

function heldBytes({ usageBytes, workingSetBytes, split }: ContainerUsage): Bytes | undefined {
  if (usageBytes === undefined) return undefined
  const cache = Math.max(0, (split?.file ?? 0) - (split?.shmem ?? 0))
  return bytes(Math.min(workingSetBytes ?? usageBytes, Math.max(0, usageBytes - cache)))
}

function floorsWith(
  state: LadderState,
  { oldSpaceBytes: value, majorCollections }: Sample,
  now: Millis,
): readonly Floor[] {
  const { floors, sinceFloor } = state
  const last = floors.at(-1)
  const floor = { atMs: now, value, freed: Math.max(0, sinceFloor - value) }
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
const CRAMPED_PERCENT = 79
const CRAMPED_COLLECTIONS = 4
/** Back to back they take about 1 ms a MB each [measured: 130 to 170 ms at 128 MB]. */
const CRAMPED_MS_A_MB = 4
/** Freed less than this share of the ceiling: next to nothing. */
const FREED_SHARE = 0.03

/**
 * On a rung and with the whole ceiling taken, a large allocation finds no room (an array or a Map that grows needs its
 * old and its new place at once): V8 ends at 90 % of use then [measured].
 */
const TAKEN_PERCENT = 97

function isCrampedAt(
  { floors, heap, limits: { ceilingBytes } }: LadderState,
  { oldCapacityBytes }: Sample,
  now: Millis,
): boolean {
  if (heap.rung !== undefined && oldCapacityBytes >= share(TAKEN_PERCENT, ceilingBytes)) return true
  const last = floors.slice(-CRAMPED_COLLECTIONS)
  const [first] = last
  return (
    first !== undefined &&
    last.length === CRAMPED_COLLECTIONS &&
    now - first.atMs < bytesToMB(ceilingBytes) * CRAMPED_MS_A_MB &&
    last.every(({ freed }) => freed < ceilingBytes * FREED_SHARE) &&
    (last.at(-1) as Floor).value >= share(CRAMPED_PERCENT, ceilingBytes)
  )
}

/**
 * The level that the heap is judged by: what the last major collection left behind and, where that rises from one to the
 * next, what it would leave by now; never more than there is. A peak between two collections is none.
 */
export function heapLevel(state: LadderState, { oldSpaceBytes, memory }: Sample, now: Millis): Bytes {
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

function climb(
  { rung, underSince }: Climb,
  resource: Resource,
  level: Bytes,
  whole: Bytes,
  { warnPercent, criticalPercent }: LadderLimits,
  now: Millis,
  events: LadderEvent[],
  isCramped = false,
): Climb {
  const isCritical = isCramped || level >= share(criticalPercent, whole)
  const reached: Rung | undefined = isCritical ? 'critical' : level >= share(warnPercent, whole) ? 'warn' : undefined
  if (reached !== undefined && rung !== 'critical' && reached !== rung) {
    events.push({ kind: 'pressure', resource, rung: reached, isCramped })
    return { rung: reached, underSince: undefined }
  }
  if (rung === undefined) return AT_REST
  if (level >= share(warnPercent - EASED_POINTS, whole)) return { rung, underSince: undefined }
  const since = underSince ?? now
  if (now - since < EASED_AFTER_MS) return { rung, underSince: since }
  events.push({ kind: 'pressure-eased', resource })
  return AT_REST
}

/** Sampling goes on for so long after it is last called for. */
const PROFILE_AFTER_MS = 60_000
/** Below it V8 has not yet begun to collect for want of room. */
const PROFILE_FROM_PERCENT = 40
const PROFILE_RISING_PERCENT = 75

/**
 * Whether what is allocated now will be asked for: what collections leave rises steadily and is past three quarters of
 * the ceiling, or will reach the first rung within a minute (or twice the time that the rise has been seen for). A service
 * that sits at a high level is not heading up.
 */
function isHeapHeadingUp({ floors, limits }: LadderState, { memory }: Sample): boolean {
  const [first] = floors
  const last = floors.at(-1)
  const growth = growthOf(floors)
  if (first === undefined || last === undefined || !growth?.isSteady) return false
  const { ceilingBytes, containerBytes, warnPercent } = limits
  // Less than a hundredth is noise.
  if (last.value - first.value < ceilingBytes / 100) return false
  if (last.value >= share(PROFILE_RISING_PERCENT, ceilingBytes)) return true
  const soon = Math.max(60_000, 2 * (last.atMs - first.atMs))
  const isSoon = (limit: number, value: number): boolean => {
    const left = timeTo(limit, value, growth)
    return value >= share(PROFILE_FROM_PERCENT, bytes(limit)) && left !== undefined && left < soon
  }
  if (isSoon(share(warnPercent, ceilingBytes), last.value)) return true
  return containerBytes !== undefined && isSoon(share(warnPercent, containerBytes), memory.rss)
}

/** The same climbs where another thread has said these rungs already: they are not said again. */
export function withRungs(state: LadderState, said: Readonly<Record<Resource, Rung | undefined>>): LadderState {
  const raised = (climb: Climb, rung: Rung | undefined): Climb =>
    rung === undefined || climb.rung === 'critical' || climb.rung === rung ? climb : { rung, underSince: undefined }
  return { ...state, heap: raised(state.heap, said.heap), container: raised(state.container, said.container) }
}

/**
 * Is the heap or the container on the second rung at this very sample? A climb that was there and has come back a little
 * is not. `state` is the one that `step` gave for the sample.
 */
export function isCriticalAt(state: LadderState, sample: Sample, now: Millis): boolean {
  const { ceilingBytes, containerBytes, criticalPercent } = state.limits
  const isHeap =
    state.heap.rung === 'critical' &&
    (isCrampedAt(state, sample, now) || heapLevel(state, sample, now) >= share(criticalPercent, ceilingBytes))
  return isHeap || (containerBytes !== undefined && containerUsed(sample) >= share(criticalPercent, containerBytes))
}

/** Until the nearest limit is reached, at the growth between two samples; undefined: none of them is neared. */
export function timeToNearest({ limits }: LadderState, before: Sample | undefined, sample: Sample): Millis | undefined {
  if (before === undefined) return undefined
  const passed = sample.uptimeMs - before.uptimeMs
  const until = (limit: number, was: number, is: number): number =>
    is > was ? (Math.max(0, limit - is) * passed) / (is - was) : Number.POSITIVE_INFINITY
  const nearest = Math.min(
    until(limits.ceilingBytes, before.memory.heapUsed, sample.memory.heapUsed),
    limits.containerBytes === undefined
      ? Number.POSITIVE_INFINITY
      : until(limits.containerBytes, containerUsed(before), containerUsed(sample)),
  )
  return Number.isFinite(nearest) ? millis(nearest) : undefined
}
