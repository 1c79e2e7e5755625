// A record of the guard in a line of a log, however that log wraps its lines.

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
  /** What a collector of several logs puts in front: `app-1` of docker compose, `pod/app-x/app` of kubectl --prefix. */
  readonly source: string | undefined
}

const NAME = 'heapguard'
const MOST_TEXT = 2000

/**
 * The record in a line: plain; behind a prefix (`app-1  | {…}`, `[pod/x/app] {…}`, CRI's `2026-… stderr F {…}`, docker
 * logs --timestamps); or one level inside another JSON object, as text (docker's json-file: `{"log":"{…}\n",…}`) or as an
 * object. undefined for every other line.
 */
export function findRecord(line: string): FoundRecord | undefined {
  const at = line.indexOf('{')
  if (at < 0) return undefined
  const outer = parseObject(line.slice(at, line.lastIndexOf('}') + 1))
  if (outer === undefined) return undefined
  const source = sourceIn(line.slice(0, at))
  if (outer.name === NAME) return found(outer, source)
  for (const value of Object.values(outer)) {
    const inner = typeof value === 'string' && value.includes(NAME) ? parseObject(value) : value
    if (isObject(inner) && inner.name === NAME) return found(inner, source)
  }
  return undefined
}

function found(fields: Readonly<Record<string, unknown>>, source: string | undefined): FoundRecord | undefined {
  const { time, event, level, pid, msg } = fields
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isFinite(timeMs) || typeof event !== 'string' || typeof pid !== 'number') return undefined
  const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MOST_TEXT) : '')
  const record = { ...fields, timeMs, event: event.slice(0, 40), level: text(level), pid, msg: text(msg) }
  return { record, source }
}

function sourceIn(prefix: string): string | undefined {
  return (/^(\S{1,80}) +\| /.exec(prefix) ?? /^\[(pod\/[^\]]{1,160})\] /.exec(prefix))?.[1]
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text.trim())
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON: a line of somebody else's
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
