// What the thread sees while the main thread is blocked, in the flight record's slots for it. Without it a run that ends in
// one turn of the loop has been calm for all that the next start can read.
import { pauseBeforeBeat } from '../core/beat-pace.ts'
import { type Beat, newWatchdogBeats } from '../core/flight-record.ts'
import { FASTEST_MS } from '../core/pace.ts'
import { type Millis, millis } from '../core/units.ts'
import { type EvidenceFiles, TO_WRITE } from '../evidence/evidence-files.ts'

/** What a look says; the rest is added here. */
export type SeenBeat = Omit<Beat, 'atMs' | 'nextMs' | 'signal' | 'signalAtMs' | 'end' | 'isEndUnseen'>

export interface BeatsParts {
  readonly files: Pick<EvidenceFiles, 'openSync' | 'writeSync' | 'closeSync'>
  /** The main thread's record. */
  readonly path: string
  /** Since 1970. */
  readonly now: () => Millis
  readonly uptime: () => Millis
}

/**
 * Returns what writes a look where that is due, into a record that is there: it makes none. Never throws: what cannot be
 * written is the main thread's to say.
 */
export function openBeats({ files, path, now, uptime }: BeatsParts): (seen: SeenBeat, isNear: boolean) => void {
  const { openSync, writeSync, closeSync } = files
  const { image, put } = newWatchdogBeats()
  let wroteAt = Number.NEGATIVE_INFINITY
  let wroteInMs = millis(0)
  let rungs = ''

  return (seen, isNear) => {
    const at = uptime()
    const nowRungs = `${seen.heapRung} ${seen.containerRung}`
    // A rung is what the next start goes by: it does not wait for a slow volume.
    const pauseMs = nowRungs === rungs ? pauseBeforeBeat(isNear, wroteInMs) : millis(0)
    if (at < wroteAt + pauseMs) return
    rungs = nowRungs
    wroteAt = at
    const nextMs = millis(Math.max(FASTEST_MS, pauseBeforeBeat(isNear, wroteInMs)))
    const beat = { ...seen, atMs: now(), nextMs, signal: undefined, signalAtMs: undefined, end: undefined }
    const { offset, length } = put({ ...beat, isEndUnseen: false })
    try {
      const fd = openSync(path, TO_WRITE)
      try {
        writeSync(fd, image, offset, length, offset)
      } finally {
        closeSync(fd)
      }
    } catch {
      // No record, or no longer one that can be written.
    }
    wroteInMs = millis(uptime() - at)
  }
}
