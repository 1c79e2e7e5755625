// The settings that the watch alone needs: in the second file.
import {
  boolean,
  ok,
  oneOf,
  type Parsed,
  percentage,
  type Read,
  type ReadVariable,
  readTable,
  refused,
  type Table,
  text,
} from './setting-rows.ts'

/** HEAPGUARD_TERMINATION_LOG's `auto`: where the kubelet mounts it unless terminationMessagePath says otherwise. */
export const KUBERNETES_TERMINATION_LOG = '/dev/termination-log'

/** What the watch alone needs. */
export interface WatchSettings {
  /** The second rung: above warnPercent. */
  readonly criticalPercent: number
  /** auto, off, or a path. */
  readonly terminationLog: string
  /** The folder for evidence that outlives the process; undefined: no files. */
  readonly dir: string | undefined
  /** Whether allocation sites are named under heap pressure. */
  readonly profile: boolean
  /** Whether a heap snapshot is written to `dir` near the limit, where there is room for it. Never without `dir`. */
  readonly heapSnapshot: boolean
  /** sigterm: this process is sent SIGTERM once while there is still time for the app's own shutdown. */
  readonly onCritical: 'log' | 'sigterm'
  /** Whether a second thread looks where the event loop is blocked. */
  readonly watchdog: boolean
  /** The share of the container that the old space is to have where the process is started again; undefined: it is not. */
  readonly autosizePercent: number | undefined
  /** Where Prometheus may scrape; undefined: nowhere. */
  readonly metrics: MetricsEndpoint | undefined
}

/** An address, never a name that would have to be looked up. */
export interface MetricsEndpoint {
  readonly address: string
  readonly port: number
}

/** What `on` means. */
const AUTOSIZE_PERCENT = 75

/** off, on, or a percentage. */
function autosize(value: string): Parsed<number | undefined> {
  const asked = boolean(value)
  if (asked.kind === 'ok') return ok(asked.value ? AUTOSIZE_PERCENT : undefined)
  const parsed = percentage(10, 90)(value)
  return parsed.kind === 'ok' ? parsed : refused(`must be off, on or a percentage: it ${parsed.rule}`)
}

/** `9464`, `0.0.0.0:9464`, `[::]:9464`, `localhost:9464`. */
function endpoint(value: string): Parsed<MetricsEndpoint | undefined> {
  if (/^off$/i.test(value)) return ok(undefined)
  const [, host = 'localhost', digits = ''] =
    /^(?:(localhost|[\d.]{7,15}|\[[\da-f:.]{2,45}\]):)?(\d{1,5})$/i.exec(value) ?? []
  const port = Number(digits)
  if (port < 1 || port > 65_535)
    return refused('must be off, a port (1 to 65535) or ADDRESS:PORT, such as 0.0.0.0:9464')
  return ok({ address: /^l/i.test(host) ? '127.0.0.1' : host.replace(/[[\]]/g, ''), port })
}

/** Above it V8 or the kernel may be faster than a word. */
const MOST_CRITICAL_PERCENT = 98

/** A name without a slash is more likely a mistake ("on", "true") than a file of the working folder. */
function logPath(value: string): Parsed<string> {
  if (/^(auto|off)$/i.test(value)) return ok(value.toLowerCase())
  return value.includes('/') ? text(value) : refused('must be auto, off or a path')
}

/** The second rung hangs on the first. */
export const watchTable = (warnPercent: number): Table<WatchSettings> => ({
  criticalPercent: {
    variable: 'HEAPGUARD_CRITICAL_PERCENT',
    fallback: Math.max(95, warnPercent + 1),
    parse: percentage(warnPercent + 1, MOST_CRITICAL_PERCENT),
  },
  terminationLog: { variable: 'HEAPGUARD_TERMINATION_LOG', fallback: 'auto', parse: logPath },
  dir: { variable: 'HEAPGUARD_DIR', fallback: undefined, fallbackText: 'unset', parse: text },
  profile: { variable: 'HEAPGUARD_PROFILE', fallback: true, parse: boolean },
  heapSnapshot: { variable: 'HEAPGUARD_HEAP_SNAPSHOT', fallback: false, parse: boolean },
  watchdog: { variable: 'HEAPGUARD_WATCHDOG', fallback: false, parse: boolean },
  onCritical: { variable: 'HEAPGUARD_ON_CRITICAL', fallback: 'log', parse: oneOf('log', 'sigterm') },
  autosizePercent: { variable: 'HEAPGUARD_AUTOSIZE', fallback: undefined, fallbackText: 'off', parse: autosize },
  metrics: { variable: 'HEAPGUARD_METRICS', fallback: undefined, fallbackText: 'off', parse: endpoint },
})

/** The same for what the watch needs; one of them hangs on warnPercent, and a snapshot on there being a folder for it. */
export function readWatchSettings(readVariable: ReadVariable, warnPercent: number): Read<WatchSettings> {
  const { settings, problems } = readTable(watchTable(warnPercent), readVariable)
  if (!settings.heapSnapshot || settings.dir !== undefined) return { settings, problems }
  const problem = {
    variable: 'HEAPGUARD_HEAP_SNAPSHOT',
    value: 'true',
    rule: 'needs a folder to write to, HEAPGUARD_DIR',
    used: 'false',
  }
  return { settings: { ...settings, heapSnapshot: false }, problems: [...problems, problem] }
}
