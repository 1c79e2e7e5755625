// HEAPGUARD_HEAP_SNAPSHOT: whether there is room for one, and what is said of it. In a container near its limit a snapshot
// is what kills.
import { field, parseWhole } from './kernel-files.ts'
import type { Entry } from './record.ts'
import { mb } from './report.ts'
import { type Bytes, bytes, type Millis, roundedSeconds } from './units.ts'

/** A snapshot takes ten to twenty times the heap while it is made [measured: 128 MB took 2.0 to 2.3 GB]. */
const NEEDED_TIMES = 20
/** Of small objects the file is larger than the heap [measured: 33 MB of a heap of 21, Node 24]. */
const DISK_TIMES = 3

export interface SnapshotFacts {
  readonly heapUsedBytes: Bytes
  /** The least limit that is known and what is held of it; undefined: there is none, the machine counts. */
  readonly container: { readonly limitBytes: Bytes; readonly heldBytes: Bytes } | undefined
  /** MemAvailable of the machine; undefined: not known. */
  readonly availableBytes: Bytes | undefined
  /** What the folder's disk has left for this user; undefined: not known. */
  readonly diskBytes: Bytes | undefined
}

export type SnapshotPlan = { readonly kind: 'write' } | { readonly kind: 'refuse'; readonly reason: string }

/** The lesser of what the container and the machine have left must hold it, and the disk the file. Never throws. */
export function planSnapshot({ heapUsedBytes, container, availableBytes, diskBytes }: SnapshotFacts): SnapshotPlan {
  const inContainer = container && bytes(Math.max(0, container.limitBytes - container.heldBytes))
  const rooms = [inContainer, availableBytes].filter(room => room !== undefined)
  const heap = `the heap's ${mb(heapUsedBytes)}`
  if (rooms.length === 0) return { kind: 'refuse', reason: 'how much memory is free cannot be told' }
  const freeBytes = bytes(Math.min(...rooms))
  const neededBytes = bytes(heapUsedBytes * NEEDED_TIMES)
  if (freeBytes < neededBytes) {
    const where = freeBytes === inContainer ? 'the container' : 'the machine'
    const reason = `it may take ${NEEDED_TIMES} times ${heap}, ${mb(neededBytes)}, and ${where} has ${mb(freeBytes)} left`
    return { kind: 'refuse', reason }
  }
  const fileBytes = bytes(heapUsedBytes * DISK_TIMES)
  if (diskBytes === undefined || diskBytes >= fileBytes) return { kind: 'write' }
  const reason = `the file may take ${DISK_TIMES} times ${heap}, ${mb(fileBytes)}, and its disk has ${mb(diskBytes)} left`
  return { kind: 'refuse', reason }
}

/** MemAvailable in /proc/meminfo's text, in bytes; undefined where it is not there. */
export function availableIn(meminfo = ''): Bytes | undefined {
  const [kib = ''] = (field(meminfo, 'MemAvailable:') ?? '').split(' kB')
  const value = parseWhole(kib)
  return value === undefined ? undefined : bytes(value * 1024)
}

const WHAT = 'heap snapshot'

/** `evidence-problem`: there is no room for it, and none will be tried again. */
export const snapshotRefused = (reason: string): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `No heap snapshot is written: ${reason}. It is not tried again.`,
  fields: { what: WHAT, reason },
})

/** `evidence-problem`, info: it begins. Said before, since nothing else is said until it is over. */
export const snapshotBegins = (path: string): Entry => ({
  level: 'info',
  event: 'evidence-problem',
  msg: `A heap snapshot is being written to ${path} (HEAPGUARD_HEAP_SNAPSHOT): the app stands still until it is done. It holds everything that is in the heap, secrets and personal data too: keep it so.`,
  fields: { what: WHAT, reason: 'being written' },
})

/** `evidence-problem`, info: it stands there. */
export const snapshotWritten = (path: string, sizeBytes: Bytes, tookMs: Millis): Entry => ({
  level: 'info',
  event: 'evidence-problem',
  msg: `The heap snapshot is written: ${path}, ${mb(sizeBytes)}. The app stood still for ${roundedSeconds(tookMs)} s.`,
  fields: { what: WHAT, reason: 'written' },
})
