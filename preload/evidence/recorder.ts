// Writes the flight record: one small file, one positioned write a beat, opened and closed each time.
import { pauseBeforeBeat, RETRY_MS } from '../core/beat-pace.ts'
import type { Beat, FlightRecord } from '../core/flight-record.ts'
import { type Millis, millis } from '../core/units.ts'
import { type EvidenceFiles, OWNER_ALONE, TO_CREATE, TO_WRITE } from './evidence-files.ts'

/** What a look says; the recorder adds the time, and what it knows of signals and of the end. */
export type LookedBeat = Omit<Beat, 'atMs' | 'nextMs' | 'signal' | 'signalAtMs' | 'end'>

export interface RecorderParts {
  readonly files: Pick<EvidenceFiles, 'openSync' | 'writeSync' | 'closeSync' | 'unlinkSync'>
  readonly path: string
  readonly record: FlightRecord
  /** Since 1970. */
  readonly now: () => Millis
  readonly uptime: () => Millis
  readonly onProblem: (error: unknown) => void
}

/** Nothing here throws. */
export interface Recorder {
  /** One look more, `pauseMs` before the next. It is written where that is due. */
  readonly look: (look: LookedBeat, isNear: boolean, pauseMs: Millis) => void
  readonly signal: (signal: Beat['signal']) => void
  /** exit: the record is marked and removed; uncaught: it is marked, and stays for the next start. */
  readonly end: (how: 'exit' | 'uncaught') => void
}

/** Writes nothing yet: a process that is over before its first look leaves no record. */
export function openRecorder({ files, path, record, now, uptime, onProblem }: RecorderParts): Recorder {
  const { openSync, writeSync, closeSync, unlinkSync } = files
  /** A file of ours may be there … */
  let isMade = false
  /** … and is whole, as far as is known. */
  let isThere = false
  let last: LookedBeat | undefined
  let notBefore = Number.NEGATIVE_INFINITY
  let wroteInMs = millis(0)
  let nextMs = millis(0)
  let signal: Beat['signal']
  let signalAtMs: Millis | undefined
  let end: Beat['end']

  const writeAt = (flags: number, offset: number, length: number): void => {
    const fd = openSync(path, flags, OWNER_ALONE)
    try {
      if (writeSync(fd, record.image, offset, length, offset) !== length) throw new Error('cut short')
    } finally {
      closeSync(fd)
    }
  }
  const create = (): void => {
    isMade = true
    try {
      writeAt(TO_CREATE, 0, record.image.length)
    } catch (error) {
      remove()
      throw error
    }
    isThere = true
  }
  const remove = (): void => {
    try {
      unlinkSync(path)
    } catch {
      // It was never there, or cannot be removed; the mark in it says that all is well.
    }
  }

  const write = (): void => {
    if (last === undefined) return
    const began = uptime()
    try {
      const { offset, length } = record.put({ ...last, atMs: now(), nextMs, signal, signalAtMs, end })
      if (!isThere) create()
      else
        try {
          writeAt(TO_WRITE, offset, length)
        } catch (error) {
          isThere = false
          // A start somewhere took this process for gone, or somebody tidied up.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
          create()
        }
      wroteInMs = millis(uptime() - began)
    } catch (error) {
      notBefore = uptime() + RETRY_MS
      onProblem(error)
    }
  }

  return {
    look: (look, isNear, pauseMs) => {
      last = look
      const pause = pauseBeforeBeat(isNear, wroteInMs)
      const at = uptime()
      // A look that comes just before its time is the one that was meant.
      if (at + pauseMs / 2 < notBefore) return
      nextMs = millis(Math.max(pause, pauseMs))
      notBefore = at + pause
      write()
    },
    signal: name => {
      signal = name
      signalAtMs = now()
      if (isThere) write()
    },
    end: how => {
      if (!isMade || last === undefined) return
      end = how
      last = { ...last, uptimeMs: uptime() }
      if (isThere) write()
      if (how === 'exit') remove()
    },
  }
}
