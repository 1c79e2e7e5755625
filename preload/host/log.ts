// Entries to lines to the sink, with what was lost on the way counted.
import { HOLD_MS, mustHoldBack } from '../core/captured.ts'
import { type Entry, jsonLine, type Level, textLine } from '../core/record.ts'
import type { Settings } from '../core/settings.ts'
import { type Millis, millis } from '../core/units.ts'
import { openSink, type SinkHost } from './sinks.ts'

export interface Log {
  /**
   * Writes one line where the level allows it; in a process that must hold its lines back, keeps it until the process
   * has lived ten seconds or something urgent is said. Never throws, never blocks.
   */
  readonly say: (entry: Entry) => void
  /** Lines that could not be written so far. */
  readonly droppedLines: () => number
}

export interface LogHost extends SinkHost {
  readonly isoTime: () => string
  readonly pid: number
  readonly uptime: () => Millis
  /** An unref'd interval; returns its undo. */
  readonly every: (interval: Millis, tick: () => void) => () => void
  /** The diagnostics channel heapguard:record. */
  readonly records?: { readonly hasSubscribers: boolean; readonly publish: (record: unknown) => void }
}

const RANK: Readonly<Record<Level | 'silent', number>> = { info: 0, warn: 1, error: 2, silent: 3 }
const MOST_HELD_LINES = 32
/** What is said at once, whoever reads it: the evidence may be the last words. */
const URGENT = /^(pressure|oom-kill|draining)$/

/** The log that the settings describe. `begun`: another has said the first line, or holds it back. */
export function openLog(host: LogHost, settings: Settings, begun?: { readonly heldLine: string | undefined }): Log {
  const sink = openSink(settings.logFile, host)
  const isText = settings.logFormat === 'text' || (settings.logFormat === 'auto' && sink.isTerminal)
  const toLine = isText ? textLine : jsonLine
  let dropped = 0
  // Whatever the app has replaced that a line is made with, it must not hear of it: the line is lost.
  const safely = (write: () => void): void => {
    try {
      write()
    } catch {
      dropped++
    }
  }
  let held: (() => void)[] | undefined
  const release = (): void => {
    const lines = held
    held = undefined
    for (const write of lines ?? []) safely(write)
  }
  const first = begun?.heldLine
  if (begun === undefined ? mustHoldBack(host, sink.source) : first !== undefined) {
    held = []
    if (first)
      held.push(() => {
        if (!sink.write(first, 'info')) dropped++
      })
    const stop = host.every(millis(Math.max(1, HOLD_MS - host.uptime())), () => {
      stop()
      release()
    })
  }

  const say = (entry: Entry): void => {
    const { level, event, fields } = entry
    if (RANK[level] < RANK[settings.logLevel]) return
    const time = host.isoTime()
    const write = (): void => {
      const counted =
        dropped === 0 || 'droppedLines' in fields ? entry : { ...entry, fields: { ...fields, droppedLines: dropped } }
      if (!sink.write(toLine(counted, { time, pid: host.pid }), level)) dropped++
    }
    if (URGENT.test(event) || host.uptime() > HOLD_MS) release()
    if (held === undefined) write()
    else if (held.length < MOST_HELD_LINES) held.push(write)
    else dropped++
  }
  const { parse } = JSON
  return {
    say: entry => {
      safely(() => say(entry))
      // After the line, whatever becomes of it: of any level, and where lines are held back too.
      const { records } = host
      if (records?.hasSubscribers)
        safely(() => records.publish(parse(jsonLine(entry, { time: host.isoTime(), pid: host.pid }))))
    },
    droppedLines: () => dropped,
  }
}
