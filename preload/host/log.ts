// Entries to lines to the sink, with what was lost on the way counted.
import { type Entry, jsonLine, type Level, textLine } from '../core/record.ts'
import type { Settings } from '../core/settings.ts'
import { openSink, type SinkHost } from './sinks.ts'

export interface Log {
  /** Writes one line where the level allows it. Never throws, never blocks. */
  readonly say: (entry: Entry) => void
  /** Lines that could not be written so far. */
  readonly droppedLines: () => number
}

export interface LogHost extends SinkHost {
  readonly isoTime: () => string
  readonly pid: number
}

const RANK: Readonly<Record<Level | 'silent', number>> = { info: 0, warn: 1, error: 2, silent: 3 }

/** The log that the settings describe. */
export function openLog(host: LogHost, settings: Settings): Log {
  const sink = openSink(settings.logFile, host)
  const isText = settings.logFormat === 'text' || (settings.logFormat === 'auto' && sink.isTerminal)
  const toLine = isText ? textLine : jsonLine
  let dropped = 0
  return {
    say: entry => {
      if (RANK[entry.level] < RANK[settings.logLevel]) return
      const { fields } = entry
      const counted =
        dropped === 0 || 'droppedLines' in fields ? entry : { ...entry, fields: { ...fields, droppedLines: dropped } }
      if (!sink.write(toLine(counted, { time: host.isoTime(), pid: host.pid }), entry.level)) dropped++
    },
    droppedLines: () => dropped,
  }
}
