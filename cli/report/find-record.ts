// A record of the guard in a line of a log, however that log wraps its lines.
import { type Fields, isObject, objectsIn } from './objects.ts'
import { beside, inFront } from './source.ts'

/** A record as its writer made it. Everything in it comes from a log and is not to be trusted. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly event: string
  readonly level: string
  readonly pid: number
  readonly msg: string
  readonly [key: string]: unknown
}

export interface FoundRecord {
  readonly record: LogRecord
  /** Whose line it is, where a collector of several logs says so: in front of the line, or beside it. */
  readonly source: string | undefined
}

const NAME = 'heapguard'
const MOST_TEXT = 2000

/**
 * The record in a line: plain; behind a prefix (`app-1  | {…}`, `[pod/x/app] {…}`, CRI's `2026-… stderr F {…}`, docker
 * logs --timestamps, logcli's labels); or one level inside another JSON object, as text (docker's json-file:
 * `{"log":"{…}\n",…}`) or as an object. undefined for every other line.
 */
export function findRecord(line: string): FoundRecord | undefined {
  for (const { fields, at } of objectsIn(line)) {
    const inner = fields.name === NAME ? fields : innerOf(fields)
    if (inner === undefined) continue
    return found(inner, inFront(line.slice(0, at)).source ?? (inner === fields ? undefined : beside(fields)))
  }
  return undefined
}

/** The record that a wrapper holds. */
function innerOf(wrapper: Fields): Fields | undefined {
  for (const value of Object.values(wrapper)) {
    if (isObject(value) && value.name === NAME) return value
    if (typeof value !== 'string' || !value.includes(NAME)) continue
    for (const { fields } of objectsIn(value)) if (fields.name === NAME) return fields
  }
  return undefined
}

function found(fields: Fields, source: string | undefined): FoundRecord | undefined {
  const { time, event, level, pid, msg } = fields
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isFinite(timeMs) || typeof event !== 'string' || typeof pid !== 'number') return undefined
  const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MOST_TEXT) : '')
  const record = { ...fields, timeMs, event: event.slice(0, 40), level: text(level), pid, msg: text(msg) }
  return { record, source }
}

/** A number of a record, or undefined: never NaN, never text. */
export const numberIn = (record: LogRecord, key: string): number | undefined => {
  const value = record[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A text of a record, at most 2,000 characters of it. */
export const textIn = (record: LogRecord, key: string): string | undefined => {
  const value = record[key]
  return typeof value === 'string' ? value.slice(0, MOST_TEXT) : undefined
}
