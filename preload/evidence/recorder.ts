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

type Part = ReturnType<FlightRecord['put']>

/** Writes nothing yet: a process that is over before its first look leaves no record. */
export function openRecorder({ files, path, record, now, uptime, onProblem }: RecorderParts): Recorder {
  const { openSync, writeSync, closeSync, unlinkSync } = files
  const whole: Part = { offset: 0, length: record.image.length }
  /** A file of ours may be there … */
  let isMade = false
  /** … and is whole, as far as is known. */
  let isThere = false
  let last: LookedBeat | undefined
  let lastAtMs = millis(0)
  let isLastWritten = true
  let wroteAt = Number.NEGATIVE_INFINITY
  let wroteInMs = millis(0)
  let retryAt = Number.NEGATIVE_INFINITY
  let nextMs = millis(0)
  let signal: Beat['signal']
  let signalAtMs: Millis | undefined

  const writeAll = (flags: number, parts: readonly Part[]): void => {
    const fd = openSync(path, flags, OWNER_ALONE)
    try {
      for (const { offset, length } of parts)
        if (writeSync(fd, record.image, offset, length, offset) !== length) throw new Error('cut short')
    } finally {
      closeSync(fd)
    }
  }
  const create = (): void => {
    isMade = true
    try {
      writeAll(TO_CREATE, [whole])
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

  const write = (parts: readonly Part[]): void => {
    wroteAt = uptime()
    try {
      if (!isThere) create()
      else
        try {
          writeAll(TO_WRITE, parts)
        } catch (error) {
          isThere = false
          // A start somewhere took this process for gone, or somebody tidied up.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
          create()
        }
      wroteInMs = millis(uptime() - wroteAt)
    } catch (error) {
      retryAt = wroteAt + RETRY_MS
      onProblem(error)
    }
  }
  const put = (look: LookedBeat, atMs: Millis, end?: Beat['end']): Part =>
    record.put({ ...look, atMs, nextMs, signal, signalAtMs, end })

  return {
    look: (look, isNear, pauseMs) => {
      const before = last
      const beforeAtMs = lastAtMs
      last = look
      lastAtMs = now()
      // What a process does after a signal may be its last.
      const isClose = isNear || signal !== undefined
      const pause = pauseBeforeBeat(isClose, wroteInMs)
      // A look that comes just before its time is the one that was meant.
      const at = uptime() + pauseMs / 2
      // A rung is what the next start goes by: it does not wait for a slow volume, and comes twice in a climb at most.
      const isHigher =
        (look.heapRung !== undefined && look.heapRung !== before?.heapRung) ||
        (look.containerRung !== undefined && look.containerRung !== before?.containerRung)
      if (at < retryAt || (at < wroteAt + pause && !isHigher)) {
        isLastWritten = false
        return
      }
      nextMs = millis(Math.max(pause, pauseMs))
      // How it stood before it was no longer calm, which no calm beat has said: growth is told by two.
      const parts = isClose && !isLastWritten && before !== undefined ? [put(before, beforeAtMs)] : []
      isLastWritten = true
      write([...parts, put(look, lastAtMs)])
    },
    signal: name => {
      signal = name
      signalAtMs = now()
      if (!isThere || last === undefined) return
      isLastWritten = true
      write([put(last, signalAtMs)])
    },
    end: how => {
      if (!isMade || last === undefined) return
      if (isThere) write([put({ ...last, uptimeMs: uptime() }, now(), how)])
      if (how === 'exit') remove()
    },
  }
}
