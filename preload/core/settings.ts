// The environment, parsed: every variable, its default and its rule is one row of a table. The rows that start-up can do
// without are in watch-settings.ts.
import {
  boolean,
  integer,
  oneOf,
  percentage,
  type Read,
  type ReadVariable,
  readTable,
  type Table,
  text,
} from './setting-rows.ts'
import { type Millis, millis } from './units.ts'

export { describeSettings } from './describe-settings.ts'
export { isEnabled } from './enabled.ts'
export type { ReadVariable, SettingProblem } from './setting-rows.ts'

export type LogLevel = 'info' | 'warn' | 'error' | 'silent'
export type LogFormat = 'auto' | 'json' | 'text'

/** What start-up needs. */
export interface Settings {
  readonly enabled: boolean
  /** CONTAINER_MEMORY_MB; undefined where the kernel's files are to be asked. */
  readonly containerMemoryMB: number | undefined
  readonly warnPercent: number
  /** Time between `memory` lines; 0 = none. */
  readonly intervalMs: Millis
  /** Time between silent looks while all is calm; 0 = only with the `memory` lines. */
  readonly pulseMs: Millis
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** stderr, stdout, or a path to append to. */
  readonly logFile: string
  readonly signals: boolean
}

// 2^53 bytes are 8,589,934,592 MB: above that a count of bytes is no longer exact.
const MOST_MB = 8_589_934_591
const DAY_MS = 86_400_000

/** The rows that start-up reads. */
export const TABLE: Table<Settings> = {
  enabled: { variable: 'HEAPGUARD_ENABLED', fallback: true, parse: boolean },
  containerMemoryMB: {
    variable: 'CONTAINER_MEMORY_MB',
    fallback: undefined,
    fallbackText: "the container's own limit",
    parse: integer('must be a whole number of MB, 1 or more, such as 512', 1, MOST_MB),
  },
  warnPercent: { variable: 'HEAPGUARD_WARN_PERCENT', fallback: 85, parse: percentage(1, 97) },
  intervalMs: {
    variable: 'HEAPGUARD_INTERVAL_MS',
    fallback: millis(60_000),
    parse: integer('must be 0 (no memory lines) or 10 to 86400000 milliseconds', 10, DAY_MS, true),
  },
  pulseMs: {
    variable: 'HEAPGUARD_PULSE_MS',
    fallback: millis(1000),
    parse: integer('must be 0 (only at the interval) or 50 to 60000 milliseconds', 50, 60_000, true),
  },
  logLevel: { variable: 'HEAPGUARD_LOG_LEVEL', fallback: 'info', parse: oneOf('info', 'warn', 'error', 'silent') },
  logFormat: { variable: 'HEAPGUARD_LOG_FORMAT', fallback: 'auto', parse: oneOf('auto', 'json', 'text') },
  logFile: { variable: 'HEAPGUARD_LOG_FILE', fallback: 'stderr', parse: text },
  signals: { variable: 'HEAPGUARD_SIGNALS', fallback: true, parse: boolean },
}

/** What start-up needs, and one problem for each value that was refused. Empty means unset. Never throws for a value. */
export const readSettings = (readVariable: ReadVariable): Read<Settings> => readTable(TABLE, readVariable)

/** Whether any of the watch's variables is set: only then does start-up ask the second file what is wrong with them. */
export const isWatchSet = (readVariable: ReadVariable): boolean =>
  'CRITICAL_PERCENT TERMINATION_LOG DIR PROFILE HEAP_SNAPSHOT ON_CRITICAL AUTOSIZE METRICS WATCHDOG'
    .split(' ')
    .some(name => readVariable(`HEAPGUARD_${name}`))
