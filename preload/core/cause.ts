// What grows: the parts of the memory now, held against the parts before the climb.
import { containerUsed } from './ladder.ts'
import type { Sample } from './sample.ts'
import { type Growth, growthOf } from './trend.ts'
import { type Bytes, bytes, type Millis, mbToBytes, millis } from './units.ts'

export type CauseKind = 'heap' | 'buffers' | 'native' | 'workers' | 'process' | 'tmpfs' | 'unknown'

/** What one sample says of the parts, in bytes. */
export interface Look {
  readonly atMs: Millis
  readonly heapUsed: Bytes
  readonly rss: Bytes
  /** What V8 has of the kernel for its heap. */
  readonly heapTotal: Bytes
  /** Buffers and ArrayBuffers, on the main thread. */
  readonly arrayBuffers: Bytes
  /** What of the container's memory is held: see containerUsed. */
  readonly held: Bytes
  /** tmpfs and shared memory of the container; undefined in a calm look. */
  readonly shmem: Bytes | undefined
}

export interface Cause {
  readonly kind: CauseKind
  /** What this part has grown by, or holds where nothing grew. */
  readonly partBytes: Bytes
  /** What all has grown by, or is. */
  readonly ofBytes: Bytes
  /** How long ago it began to grow; undefined: it is judged by what is there. */
  readonly sinceMs: Millis | undefined
}

/** Another process of the container, by its name (at most 15 characters of its command). */
export interface Companion {
  readonly pid: number
  readonly name: string
  readonly rssBytes: Bytes
}

/** The parts of one sample. */
export const lookAt = (sample: Sample, atMs: Millis): Look => ({
  atMs,
  heapUsed: sample.memory.heapUsed,
  rss: sample.memory.rss,
  heapTotal: sample.memory.heapTotal,
  arrayBuffers: sample.memory.arrayBuffers,
  held: containerUsed(sample),
  shmem: sample.container.split?.shmem,
})

/** Growth that counts as a climb, of the limit: the longer view where there is one, since garbage comes and goes. */
const CLIMB_SHARES = [0.25, 0.1]
/** What Node holds beside heap and Buffers when it does nothing [measured: 35 to 50 MB]. */
const IDLE_REST = mbToBytes(45)
/** The part that is named has grown by this much of all growth. */
const MOST_SHARE = 0.5

/**
 * The part that most of the container's growth came from, since the last time that it was a quarter (else a tenth)
 * of the limit lower; where it never was, the part that most of it is. `hasWorkers`: other threads of this process may run JS.
 */
export function causeOf(history: readonly Look[], now: Look, limitBytes: Bytes, hasWorkers: boolean): Cause {
  const before = beforeTheClimb(history, now, limitBytes)
  const ofBytes = bytes(Math.max(0, now.held - (before?.held ?? 0)))
  const sinceMs = before === undefined ? undefined : millis(now.atMs - before.atMs)
  const rest = (look: Look): number => look.rss - look.heapTotal - look.arrayBuffers
  const others = (look: Look): number => look.held - (look.shmem ?? 0) - look.rss
  const grown = (part: (look: Look) => number, idle = 0): number =>
    part(now) - (before === undefined ? idle : part(before))
  const parts: readonly Part[] = [
    ['heap', grown(look => look.heapTotal)],
    ['buffers', grown(look => look.arrayBuffers)],
    ['tmpfs', grown(look => look.shmem ?? 0)],
    [hasWorkers ? 'workers' : 'native', grown(rest, IDLE_REST)],
    ['process', grown(others)],
  ]
  const largest = parts.reduce((most, next) => (next[1] > most[1] ? next : most))
  const [, buffers, files, copies] = parts as [Part, Part, Part, Part, Part]
  // What goes into such files, or to native code that keeps a copy, goes through Buffers, which lie about until they are
  // collected; the files and the copies stay.
  const stays = files[1] > copies[1] ? files : copies
  const goesThrough =
    (largest === buffers && isAsMuch(stays[1], buffers[1])) || (largest === stays && isAsMuch(buffers[1], stays[1]))
  const [kind, part] = goesThrough ? stays : largest
  // What is freed in one part while another grows hides in the sum: then the share is of what grew.
  const isMost = part > 0 && (goesThrough ? part + buffers[1] : part) >= MOST_SHARE * ofBytes
  return { kind: isMost ? kind : 'unknown', partBytes: bytes(Math.max(0, part)), ofBytes, sinceMs }
}

type Part = readonly [CauseKind, number]

/** Grown as much as the larger one, give or take a few Buffers. */
const AS_MUCH_SHARE = 0.8
const isAsMuch = (grown: number, larger: number): boolean => grown >= larger * AS_MUCH_SHARE

function beforeTheClimb(history: readonly Look[], now: Look, limitBytes: Bytes): Look | undefined {
  for (const share of CLIMB_SHARES)
    for (let i = history.length - 1; i >= 0; i--) {
      const look = history[i] as Look
      // A look without the split knows neither tmpfs nor the page cache.
      if (look.held <= now.held - limitBytes * share && (look.shmem !== undefined || now.shmem === undefined))
        return look
    }
  return undefined
}

/** Looks that the growth of a pressure line is taken from. */
const GROWTH_LOOKS = 12

/** The robust growth of one part over the last looks. */
export const growthOver = (history: readonly Look[], part: 'heapUsed' | 'held'): Growth | undefined =>
  growthOf(history.slice(-GROWTH_LOOKS).map(look => ({ atMs: look.atMs, value: look[part] })))

/** Threads of a Node that runs none of its own: main, four of V8's, the delayed-task scheduler, the inspector's signal. */
const NODES_THREADS = 7

/**
 * Whether worker threads run, by the number of threads: the pool of libuv, whose size is UV_THREADPOOL_SIZE, begins all
 * at once. An addon's own threads count as workers.
 */
export function hasWorkers(threads: number | undefined, poolSize: number): boolean {
  const more = (threads ?? 0) - NODES_THREADS
  return more > 0 && more !== poolSize
}
