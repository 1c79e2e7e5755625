// Whether memory is running out: two resources, two rungs each, and what is to be done about it.
import type { MemoryGroup } from './cgroup.ts'
import { isHeapHeadingUp } from './heading-up.ts'
import { CRAMPED_PERCENT, floorsWith, type HeapState, heapLevel, isCrampedAt, share } from './heap-level.ts'
import { imminentMs, isImminent, isRecent } from './imminent.ts'
import type { QuietRead } from './kernel-files.ts'
import type { ProcessMemory, Sample } from './sample.ts'
import type { Point } from './trend.ts'
import { type Bytes, bytes, type Millis, millis } from './units.ts'
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

/** One resource on its way up and down. */
export interface Climb {
  /** The highest rung of this climb; undefined: none. */
  readonly rung: Rung | undefined
  /** Since when it has been back under; undefined: it has not. */
  readonly underSince: Millis | undefined
  /** Its level in the last looks: see imminent.ts. */
  readonly recent: readonly Point[]
}

export interface LadderState extends HeapState {
  readonly limits: LadderLimits
  readonly heap: Climb
  readonly container: Climb
  /** The group's oom_kill counter, where it is known. */
  readonly oomKills: number | undefined
  readonly isProfiling: boolean
  /** Since when no allocation needs to be sampled; undefined: they need to. */
  readonly calmSince: Millis | undefined
}

const AT_REST: Climb = { rung: undefined, underSince: undefined, recent: [] }

/**
 * The group's oom_kill counter at the start of this process: 0 where it is a container's first and the group is its own
 * (a group above that lists it not), since that is no older; else not known. Never throws.
 */
export const killsAtStart = (pid: number, group: MemoryGroup | undefined, read: QuietRead): number | undefined =>
  pid === 1 && group !== undefined && /^1$/m.test(read(`${group.folder}/cgroup.procs`) ?? '') ? 0 : undefined

/** The state before the first sample. */
export const ladderOf = (limits: LadderLimits, oomKills?: number): LadderState => ({
  limits,
  heap: AT_REST,
  container: AT_REST,
  floors: [],
  sinceFloor: bytes(0),
  majorCollections: 0,
  oomKills,
  isProfiling: false,
  calmSince: undefined,
})

/** A climb is over so far below the first rung … */
const EASED_POINTS = 5
/** … for so long: what swings around the line is one climb. */
const EASED_AFTER_MS = 5000

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
    imminentMs(false),
    isCrampedAt(collected, sample, now),
  )
  const used = containerUsed(sample)
  const container =
    limits.containerBytes === undefined
      ? AT_REST
      : climb(
          state.container,
          'container',
          used,
          limits.containerBytes,
          limits,
          now,
          events,
          imminentMs(sample.oldSpaceBytes * 2 > used),
        )

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

/**
 * The same climbs under other limits: a resize begins no new climb. Where the least limit is another group's now, its
 * growth and its oom_kill counter count from the next sample on, as at boot: what it holds and has counted is not new.
 */
export const underLimits = (state: LadderState, limits: LadderLimits, isOtherGroup: boolean): LadderState => ({
  ...state,
  limits,
  ...(isOtherGroup && { container: { ...state.container, recent: [] }, oomKills: undefined }),
})

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

function climb(
  { rung, underSince, recent: before }: Climb,
  resource: Resource,
  level: Bytes,
  whole: Bytes,
  { warnPercent, criticalPercent }: LadderLimits,
  now: Millis,
  events: LadderEvent[],
  withinMs: Millis,
  isCramped = false,
): Climb {
  const recent = [...before.filter(isRecent(now)), { atMs: now, value: level }]
  // A heap in which V8 finds no room is on the first rung at once, and on the second as soon as it has been on the first.
  const isWarn = isCramped || level >= share(warnPercent, whole)
  // V8 can give up below the first rung too, after collections that take hundreds of milliseconds.
  const isFrom = isWarn || (resource === 'heap' && level >= share(CRAMPED_PERCENT, whole))
  const isCritical =
    (isCramped && rung !== undefined) ||
    level >= share(criticalPercent, whole) ||
    (isFrom &&
      isImminent(
        recent,
        level,
        whole,
        isCramped || rung !== undefined ? withinMs : millis(0),
        isWarn && resource === 'heap',
      ))
  const reached: Rung | undefined = isCritical ? 'critical' : isWarn ? 'warn' : undefined
  if (reached !== undefined && rung !== 'critical' && reached !== rung) {
    events.push({ kind: 'pressure', resource, rung: reached, isCramped })
    return { rung: reached, underSince: undefined, recent }
  }
  if (rung === undefined) return { ...AT_REST, recent }
  if (level >= share(warnPercent - EASED_POINTS, whole)) return { rung, underSince: undefined, recent }
  const since = underSince ?? now
  if (now - since < EASED_AFTER_MS) return { rung, underSince: since, recent }
  events.push({ kind: 'pressure-eased', resource })
  return { ...AT_REST, recent }
}

/** Sampling goes on for so long after it is last called for. */
const PROFILE_AFTER_MS = 60_000

/** The same climbs where another thread has said these rungs already: they are not said again. */
export function withRungs(state: LadderState, said: Readonly<Record<Resource, Rung | undefined>>): LadderState {
  const raised = (climb: Climb, rung: Rung | undefined): Climb =>
    rung === undefined || climb.rung === 'critical' || climb.rung === rung
      ? climb
      : { ...climb, rung, underSince: undefined }
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

/** What growth is told by. */
export interface Levels extends Pick<Sample, 'container' | 'uptimeMs'> {
  readonly memory: Pick<ProcessMemory, 'heapUsed' | 'rss'>
}

/** Until the nearest limit is reached, at the growth between two samples; undefined: none of them is neared. */
export function timeToNearest({ limits }: LadderState, before: Levels | undefined, sample: Levels): Millis | undefined {
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
