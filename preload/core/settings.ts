// The environment, parsed: every variable, its default and its rule is one row of one table.
import { type Millis, millis } from './units.ts'

export type LogLevel = 'info' | 'warn' | 'error' | 'silent'
export type LogFormat = 'auto' | 'json' | 'text'

export interface Settings {
  readonly enabled: boolean
  /** CONTAINER_MEMORY_MB; undefined where the kernel's files are to be asked. */
  readonly containerMemoryMB: number | undefined
  readonly warnPercent: number
  /** Time between `memory` lines; 0 = none. */
  readonly intervalMs: Millis
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** stderr, stdout, or a path to append to. */
  readonly logFile: string
  readonly signals: boolean
}

/** A value that was refused: what, where, the rule, and what is used in its place. */
export interface SettingProblem {
  readonly variable: string
  /** At most 40 characters of what was set. */
  readonly value: string
  readonly rule: string
  /** The default in its place, as text. */
  readonly used: string
}

/** One environment variable's text, undefined when it is not set. Injected, so that nothing else is ever read. */
export type ReadVariable = (name: string) => string | undefined

type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'refused'; readonly rule: string }

interface Row<T> {
  readonly variable: string
  readonly fallback: T
  /** How the fallback reads in a problem line, where its own text does not say it. */
  readonly fallbackText?: string
  readonly parse: (text: string) => Parsed<T>
}

const ok = <T>(value: T): Parsed<T> => ({ kind: 'ok', value })
const refused = (rule: string): Parsed<never> => ({ kind: 'refused', rule })

const TRUE = ['true', '1', 'on', 'yes']
const FALSE = ['false', '0', 'off', 'no']

function boolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (TRUE.includes(word)) return ok(true)
  if (FALSE.includes(word)) return ok(false)
  return refused('must be true or false (or 1/0, on/off, yes/no)')
}

function oneOf<T extends string>(...words: readonly T[]): (text: string) => Parsed<T> {
  return text => {
    const found = words.find(word => word === text.toLowerCase())
    return found === undefined ? refused(`must be one of ${words.join(', ')}`) : ok(found)
  }
}

/** A whole number within a range; `zeroToo` lets 0 through as well, where it means "none". */
function integer(rule: string, least: number, most: number, zeroToo = false): (text: string) => Parsed<number> {
  return text => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return (value >= least && value <= most) || (zeroToo && value === 0) ? ok(value) : refused(rule)
  }
}

function warnPercent(text: string): Parsed<number> {
  const parsed = integer('must be a whole percentage from 1 to 97', 1, 97)(text)
  // The one mistake that is common enough for a hint of its own: a ratio where a percentage is asked.
  return parsed.kind === 'refused' && /^0?\.\d{1,2}$/.test(text)
    ? refused(`${parsed.rule}; it is a percentage, so write ${Math.round(Number(text) * 100)} for ${text}`)
    : parsed
}

const text = (value: string): Parsed<string> => (value.includes('\0') ? refused('must be a path') : ok(value))

// 2^53 bytes are 8,589,934,592 MB: above that a count of bytes is no longer exact.
const MOST_MB = 8_589_934_591
const DAY_MS = 86_400_000

const TABLE: { readonly [K in keyof Settings]: Row<Settings[K]> } = {
  enabled: { variable: 'HEAPGUARD_ENABLED', fallback: true, parse: boolean },
  containerMemoryMB: {
    variable: 'CONTAINER_MEMORY_MB',
    fallback: undefined,
    fallbackText: "the container's own limit",
    parse: integer('must be a whole number of MB, 1 or more, such as 512', 1, MOST_MB),
  },
  warnPercent: { variable: 'HEAPGUARD_WARN_PERCENT', fallback: 85, parse: warnPercent },
  intervalMs: {
    variable: 'HEAPGUARD_INTERVAL_MS',
    fallback: millis(60_000),
    parse: integer('must be 0 (no memory lines) or 10 to 86400000 milliseconds', 10, DAY_MS, true) as (
      text: string,
    ) => Parsed<Millis>,
  },
  logLevel: { variable: 'HEAPGUARD_LOG_LEVEL', fallback: 'info', parse: oneOf('info', 'warn', 'error', 'silent') },
  logFormat: { variable: 'HEAPGUARD_LOG_FORMAT', fallback: 'auto', parse: oneOf('auto', 'json', 'text') },
  logFile: { variable: 'HEAPGUARD_LOG_FILE', fallback: 'stderr', parse: text },
  signals: { variable: 'HEAPGUARD_SIGNALS', fallback: true, parse: boolean },
}

const MOST_SHOWN = 40

function readRow<T>(row: Row<T>, readVariable: ReadVariable, problems: SettingProblem[]): T {
  const set = (readVariable(row.variable) ?? '').trim()
  if (set === '') return row.fallback
  const parsed = row.parse(set)
  if (parsed.kind === 'ok') return parsed.value
  problems.push({
    variable: row.variable,
    value: set.slice(0, MOST_SHOWN),
    rule: parsed.rule,
    used: row.fallbackText ?? String(row.fallback),
  })
  return row.fallback
}

/** The off switch alone, so that it can be read before anything else is. A bad value is not off. */
export const isEnabled = (readVariable: ReadVariable): boolean => readRow(TABLE.enabled, readVariable, [])

/** All settings, and one problem for each value that was refused. Empty means unset. Never throws for a value. */
export function readSettings(readVariable: ReadVariable): {
  readonly settings: Settings
  readonly problems: readonly SettingProblem[]
} {
  const problems: SettingProblem[] = []
  const settings: Record<string, unknown> = {}
  for (const [key, row] of Object.entries(TABLE)) settings[key] = readRow<unknown>(row, readVariable, problems)
  return { settings: settings as unknown as Settings, problems }
}

/** Every variable with its default as text, in the order of the README's table. */
export const describeSettings = (): { readonly variable: string; readonly fallback: string }[] =>
  Object.values(TABLE).map((row: Row<unknown>) => ({
    variable: row.variable,
    fallback: row.fallbackText ?? String(row.fallback),
  }))
