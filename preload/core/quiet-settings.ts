// The settings that a quiet start can go by: in their plain forms, those that move its wait, its warn line or its level. Any
// other setting, or form, is the whole guard's. test/core/quiet-settings.property.test.ts holds them to settings.ts.

export interface QuietSettings {
  readonly warnPercent: number
  /** Until the whole guard takes over; the first look may be due later. */
  readonly pauseMs: number
  /** Whether lines of level info are written. */
  readonly isSpoken: boolean
  /** All of the guard's variables that are set, as they are. */
  readonly variables: Readonly<Record<string, string>>
}

const UNSET: QuietSettings = { warnPercent: 85, pauseMs: 1000, isSpoken: true, variables: {} }

/** Not plain: silence, which is for apps that hear each record on the diagnostics channel: the whole guard publishes all there. */
const PLAIN =
  /^HEAPGUARD_((ENABLED|SIGNALS)=(true|1|on|yes)|LOG_FORMAT=(auto|json)|LOG_LEVEL=(info|warn|error)|INTERVAL_MS=(0|[1-9]\d{1,6})|PULSE_MS=([5-9]\d|[1-9]\d{2,3}|[1-5]\d{4})|WARN_PERCENT=([1-9]|[1-8]\d|9[0-7]))$/

/** The guard's settings, where each that is set is plain; else undefined. Empty means unset. Never throws. */
export function plainSettings(env: Readonly<Record<string, string | undefined>>): QuietSettings | undefined {
  'at start'
  const names = Object.keys(env)
  // At nearly every start; in one search, where a loop would look at each.
  if (!names.join().includes('HEAPGUARD_')) return UNSET
  const variables: Record<string, string> = {}
  for (const name of names) {
    const value = env[name]
    if (!value || !name.startsWith('HEAPGUARD_')) continue
    if (!PLAIN.test(`${name}=${value}`)) return undefined
    variables[name] = value
  }
  const { HEAPGUARD_WARN_PERCENT, HEAPGUARD_PULSE_MS, HEAPGUARD_INTERVAL_MS, HEAPGUARD_LOG_LEVEL = 'info' } = variables
  const pulseMs = Math.min(Number(HEAPGUARD_PULSE_MS) || UNSET.pauseMs, UNSET.pauseMs)
  return {
    warnPercent: Number(HEAPGUARD_WARN_PERCENT || UNSET.warnPercent),
    pauseMs: Math.min(pulseMs, Number(HEAPGUARD_INTERVAL_MS) || pulseMs),
    isSpoken: HEAPGUARD_LOG_LEVEL === 'info',
    variables,
  }
}
