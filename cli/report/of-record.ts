// What a report takes from one record.
import type { ReportEvent, Suspect } from './document.ts'
import { type LogRecord, numberIn, textIn } from './find-record.ts'
import { COLUMNS, type Point } from './points.ts'

const MOST_SUSPECTS = 10
/** 64 bits of bytes: no machine has more. */
const MOST_MB = 2 ** 44

/** What was held at a moment, which is `timeMs`; undefined where the record does not tell. */
export function pointOf(record: LogRecord, timeMs: number): Point | undefined {
  if (mbIn(record, 'rssMB') === undefined) return undefined
  const values = COLUMNS.map(name => [name, mbIn(record, name) ?? Number.NaN])
  const containerMB = mbIn(record, 'containerWorkingSetMB') ?? mbIn(record, 'containerUsageMB') ?? Number.NaN
  return { ...(Object.fromEntries(values) as Omit<Point, 'timeMs'>), containerMB, timeMs }
}

/** Memory that a record tells of, in MB, where it is a size that something can have. */
export function mbIn(record: LogRecord, key: string): number | undefined {
  const mb = numberIn(record, key)
  return mb !== undefined && mb >= 0 && mb <= MOST_MB ? mb : undefined
}

/** The event, as having been at `timeMs`. */
export function eventOf(record: LogRecord, timeMs: number): ReportEvent {
  const { level, event, msg } = record
  const known = (['resource', 'rung', 'cause', 'death'] as const).flatMap(key => {
    const value = textIn(record, key)
    return value === undefined ? [] : [[key, value]]
  })
  return { timeMs, level, event, msg, ...Object.fromEntries(known) }
}

/** The well-formed ones of its suspects. */
export function suspectsIn({ suspects }: LogRecord): readonly Suspect[] {
  if (!Array.isArray(suspects)) return []
  const named = (value: unknown): value is Suspect => {
    const { site, MB } = (value ?? {}) as { readonly site?: unknown; readonly MB?: unknown }
    return typeof site === 'string' && typeof MB === 'number' && Number.isFinite(MB)
  }
  return suspects
    .filter(named)
    .slice(0, MOST_SUSPECTS)
    .map(({ site, MB }) => ({ site: site.slice(0, 300), MB }))
}
