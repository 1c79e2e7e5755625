// How one environment variable is parsed: its default and its rule are one row of a table.

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

export type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'refused'; readonly rule: string }

export interface Row<T> {
  readonly variable: string
  readonly fallback: T
  /** How the fallback reads in a problem line, where its own text does not say it. */
  readonly fallbackText?: string
  readonly parse: (text: string) => Parsed<T>
}

export const ok = <T>(value: T): Parsed<T> => ({ kind: 'ok', value })
export const refused = (rule: string): Parsed<never> => ({ kind: 'refused', rule })

const TRUE = ['true', '1', 'on', 'yes']
export const FALSE = ['false', '0', 'off', 'no']

export function boolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (TRUE.includes(word)) return ok(true)
  if (FALSE.includes(word)) return ok(false)
  return refused('must be true or false (or 1/0, on/off, yes/no)')
}

export function oneOf<T extends string>(...words: readonly T[]): (text: string) => Parsed<T> {
  return text => {
    const found = words.find(word => word === text.toLowerCase())
    return found === undefined ? refused(`must be one of ${words.join(', ')}`) : ok(found)
  }
}

/** A whole number within a range; `zeroToo` lets 0 through as well, where it means "none". */
export function integer<T extends number>(rule: string, least: number, most: number, zeroToo = false) {
  return (text: string): Parsed<T> => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return (value >= least && value <= most) || (zeroToo && value === 0) ? ok(value as T) : refused(rule)
  }
}

export function percentage(least: number, most: number) {
  return (text: string): Parsed<number> => {
    const parsed = integer(`must be a whole percentage from ${least} to ${most}`, least, most)(text)
    // The one mistake that is common enough for a hint of its own: a ratio where a percentage is asked.
    return parsed.kind === 'refused' && /^0?\.\d{1,2}$/.test(text)
      ? refused(`${parsed.rule}; it is a percentage, so write ${Math.round(Number(text) * 100)} for ${text}`)
      : parsed
  }
}

export const text = (value: string): Parsed<string> => (value.includes('\0') ? refused('must be a path') : ok(value))

export type Table<T> = { readonly [K in keyof T]: Row<T[K]> }

const MOST_SHOWN = 40

/** What of a value stands in a problem line. */
export const shown = (value: string): string => value.slice(0, MOST_SHOWN)

/** One row's value; a value that is refused is one problem and the default. */
export function readRow<T>(row: Row<T>, readVariable: ReadVariable, problems: SettingProblem[]): T {
  const set = (readVariable(row.variable) ?? '').trim()
  if (set === '') return row.fallback
  const parsed = row.parse(set)
  if (parsed.kind === 'ok') return parsed.value
  problems.push({
    variable: row.variable,
    value: shown(set),
    rule: parsed.rule,
    used: row.fallbackText ?? String(row.fallback),
  })
  return row.fallback
}

export interface Read<T> {
  readonly settings: T
  readonly problems: readonly SettingProblem[]
}

/** All rows of a table. Empty means unset. Never throws for a value. */
export function readTable<T>(table: Table<T>, readVariable: ReadVariable): Read<T> {
  const problems: SettingProblem[] = []
  const settings: Record<string, unknown> = {}
  for (const [key, row] of Object.entries<Row<unknown>>(table)) settings[key] = readRow(row, readVariable, problems)
  return { settings: settings as unknown as T, problems }
}
