// What a run that did not end died of, judged by what it left behind: the word, how sure that is, and what speaks for it.
import type { Beat } from './flight-record.ts'
import { type Growth, growthOf } from './trend.ts'
import { type Bytes, type Millis, mbToBytes, millis } from './units.ts'

export type Death =
  | 'v8-heap-limit'
  | 'kernel-oom'
  | 'stopped-from-outside'
  | 'killed-from-outside'
  | 'crash'
  | 'not-known'
export type Confidence = 'certain' | 'likely' | 'possible'

/** What a run left. */
export interface Remains {
  /** The oldest first; empty: nothing could be read. */
  readonly beats: readonly Beat[]
  /** Where V8 gives up; undefined: the head could not be read. */
  readonly ceilingBytes: Bytes | undefined
  /** Whether V8's own report of a heap that is full lies beside it. */
  readonly hasHeapReport: boolean
  /** The oom_kill counter of the same group in the same life of the container, now; undefined: it is another one, or unknown. */
  readonly oomKillsNow: number | undefined
  /** Whether it is known that the machine was started anew since. */
  readonly isMachineRestarted: boolean
}

/** One resource as it stood in the last beat. */
export interface Standing {
  readonly resource: 'heap' | 'container'
  readonly levelBytes: Bytes
  readonly limitBytes: Bytes
  readonly growth: Growth | undefined
  /** The share of the limit that it stood at, or would stand at by the time that another look was due. */
  readonly share: number
  readonly isNear: 'likely' | 'possible' | undefined
}

/** What speaks for a verdict. */
export type Because =
  | { readonly kind: 'heap-report' }
  | { readonly kind: 'uncaught' }
  | { readonly kind: 'counter'; readonly kills: number; readonly standing: Standing | undefined }
  | { readonly kind: 'level'; readonly standing: Standing; readonly afterSignal: boolean }
  | { readonly kind: 'signal'; readonly signal: string; readonly livedOnMs: Millis }
  | { readonly kind: 'machine' }
  | { readonly kind: 'calm' }
  | { readonly kind: 'unreadable' }

export interface DeathVerdict {
  readonly kind: 'death'
  readonly death: Death
  readonly confidence: Confidence
  readonly because: Because
  readonly last: Beat | undefined
}

/** quiet-end: nothing was wrong, and an end in good order could not have been seen. */
export type Judgement = DeathVerdict | { readonly kind: 'quiet-end' }

/** Judges. Never throws. */
export function judgeDeath(remains: Remains): Judgement {
  const { beats, hasHeapReport, oomKillsNow, isMachineRestarted } = remains
  const last = beats.at(-1)
  const is = (death: Death, confidence: Confidence, because: Because): Judgement => ({
    kind: 'death',
    death,
    confidence,
    because,
    last,
  })
  if (hasHeapReport) return is('v8-heap-limit', 'certain', { kind: 'heap-report' })
  if (last === undefined) return is('not-known', 'possible', { kind: 'unreadable' })
  if (last.end === 'uncaught') return is('crash', 'certain', { kind: 'uncaught' })
  if (last.end === 'exit') return { kind: 'quiet-end' }

  const rungs = { heap: rungAtEnd(beats, last, 'heapRung'), container: rungAtEnd(beats, last, 'containerRung') }
  const heap = standingOf('heap', beats, last.oldSpaceBytes, remains.ceilingBytes, rungs.heap)
  const container = standingOf('container', beats, last.heldBytes, last.limitBytes, rungs.container)
  const kills = oomKillsNow === undefined || last.oomKills === undefined ? 0 : oomKillsNow - last.oomKills
  if (kills > 0) {
    const isSure = container?.isNear !== undefined
    return is('kernel-oom', isSure ? 'certain' : 'likely', { kind: 'counter', kills, standing: container })
  }

  const standing = nearest(heap, container)
  // The watchdog's beats, which come while the main thread is blocked, know nothing of signals and listeners.
  const signalled = beats.filter(({ signal }) => signal !== undefined).at(-1)
  const afterSignal = signalled !== undefined
  // A process that drains can be killed for its time or for its memory.
  if (standing?.isNear !== undefined && !(afterSignal && standing.isNear === 'possible')) {
    const death = standing.resource === 'heap' ? 'v8-heap-limit' : 'kernel-oom'
    const other = standing === heap ? container : heap
    const isTorn =
      afterSignal ||
      isAsNear(other, standing) ||
      (standing === container && rungs.container === undefined && isUntold(standing, last, remains))
    return is(death, isTorn ? 'possible' : standing.isNear, { kind: 'level', standing, afterSignal })
  }
  if (signalled?.signal !== undefined) {
    const livedOnMs = millis(Math.max(0, last.atMs - (signalled.signalAtMs ?? last.atMs)))
    return is('stopped-from-outside', 'likely', { kind: 'signal', signal: signalled.signal, livedOnMs })
  }
  if (beats.some(({ isEndUnseen }) => isEndUnseen)) return { kind: 'quiet-end' }
  return isMachineRestarted
    ? is('killed-from-outside', 'likely', { kind: 'machine' })
    : is('killed-from-outside', 'possible', { kind: 'calm' })
}

/** V8's heap cannot hold so much garbage: see SURE_PERCENT in ladder.ts. The kernel's limit is near from here on. */
const NEAR_SHARE = { heap: 0.96, container: 0.95 }
/** Growth ahead is believed from here on: below it garbage comes and goes. */
const AHEAD_FROM_SHARE = 0.5
/** Growth is taken from the beats of the last so many milliseconds, at most so many of them. */
const GROWTH_MS = 15_000
const GROWTH_BEATS = 8
/** An end between two looks: so many pauses later it would have been seen … */
const PAUSES_AHEAD = 2
/** … and not before this time: near a limit a collection, or the kernel, holds the loop for longer than a pause. */
const LEAST_AHEAD_MS = 1000

function standingOf(
  resource: Standing['resource'],
  beats: readonly Beat[],
  levelBytes: Bytes,
  limitBytes: Bytes | undefined,
  rung: Beat['heapRung'],
): Standing | undefined {
  const last = beats.at(-1)
  if (limitBytes === undefined || last === undefined) return undefined
  const recent = beats.slice(-GROWTH_BEATS).filter(({ uptimeMs }) => last.uptimeMs - uptimeMs <= GROWTH_MS)
  const growth = growthOf(
    recent.map(beat => ({
      atMs: beat.uptimeMs,
      value: resource === 'heap' ? beat.oldSpaceBytes : beat.heldBytes,
    })),
  )
  const now = levelBytes / limitBytes
  const aheadMs = Math.max(last.nextMs * PAUSES_AHEAD, LEAST_AHEAD_MS)
  const ahead = growth?.isSteady ? (growth.perMs * aheadMs) / limitBytes : 0
  const share = now + Math.max(0, ahead)
  const isFull = now >= NEAR_SHARE[resource] || (now >= AHEAD_FROM_SHARE && share >= 1)
  const isNear = rung === 'critical' || isFull ? 'likely' : rung === 'warn' || share >= 1 ? 'possible' : undefined
  // On a rung and still rising: it was on its way.
  const isRising = rung === 'warn' && ahead > 0 && share >= NEAR_SHARE[resource]
  return { resource, levelBytes, limitBytes, growth, share, isNear: isRising ? 'likely' : isNear }
}

/** The beats of two threads are so close: a climb that is over has been under its rung for longer. */
const SAME_MOMENT_MS = 1000

/** The rung of the climb in which the run ended: of two threads that write beats one may not know yet what the other said. */
function rungAtEnd(beats: readonly Beat[], last: Beat, which: 'heapRung' | 'containerRung'): Beat['heapRung'] {
  const rungs = beats.filter(({ uptimeMs }) => last.uptimeMs - uptimeMs < SAME_MOMENT_MS).map(beat => beat[which])
  return rungs.find(rung => rung === 'critical') ?? rungs.find(rung => rung !== undefined)
}

const leftBytes = ({ levelBytes, limitBytes }: Standing): number => limitBytes - levelBytes

/** What would have been full first: the surer one, else the one with less left. */
function nearest(heap: Standing | undefined, container: Standing | undefined): Standing | undefined {
  if (heap === undefined || container === undefined) return heap ?? container
  const rank = ({ isNear }: Standing): number => (isNear === 'likely' ? 2 : isNear === 'possible' ? 1 : 0)
  if (rank(heap) !== rank(container)) return rank(heap) > rank(container) ? heap : container
  return leftBytes(heap) <= leftBytes(container) ? heap : container
}

/**
 * Whether the container was only on its way, by memory of which nobody knows the part, and so much of it that the heap may
 * have been full first: inside one native call (JSON.parse) V8 tells the watchdog nothing of its heap.
 */
function isUntold({ levelBytes, limitBytes }: Standing, last: Beat, { ceilingBytes }: Remains): boolean {
  const { rssBytes, heapTotalBytes, arrayBuffersBytes, oldSpaceBytes } = last
  const untold = rssBytes - heapTotalBytes - arrayBuffersBytes
  return (
    levelBytes < limitBytes * NEAR_SHARE.container &&
    ceilingBytes !== undefined &&
    oldSpaceBytes + untold >= ceilingBytes
  )
}

/** Both were about to be full, with nearly the same left. */
const AS_NEAR_BYTES = mbToBytes(16)

const isAsNear = (other: Standing | undefined, standing: Standing): boolean =>
  other !== undefined &&
  other.isNear === standing.isNear &&
  Math.abs(leftBytes(other) - leftBytes(standing)) < AS_NEAR_BYTES
