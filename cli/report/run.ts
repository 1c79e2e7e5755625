// One process as its records tell of it, in bounded memory.
import type { PreviousDeath, ProcessReport, ReportEvent, Suspect } from './document.ts'
import { EndOf } from './end-of.ts'
import { type LogRecord, numberIn, textIn } from './find-record.ts'
import { COLUMNS, type Point, Points } from './points.ts'

/** More events than that: the first and the last of them are kept. */
const MOST_EVENTS = 1000
const MOST_SUSPECTS = 10
/** 64 bits of bytes: no machine has more. */
const MOST_MB = 2 ** 44

/** Clocks and rounding (uptimeS has one decimal) make two records of one process differ by less than that. */
const SAME_START_MS = 1500
/** From a process's start to its boot line, on a machine that is badly short of processor time. */
const SLOWEST_BOOT_MS = 60_000

/** Collects the records of one process. */
export class Run {
  readonly pid: number
  readonly source: string | undefined
  #startMs: number
  #startIsExact: boolean
  readonly #points = new Points()
  readonly #firstEvents: ReportEvent[] = []
  #lastEvents: ReportEvent[] = []
  #events = 0
  #alarms = 0
  #lastMs: number
  #boot: LogRecord | undefined
  readonly #end = new EndOf()
  #peaks: ProcessReport['peaks'] = {}
  #suspects: readonly Suspect[] = []

  constructor(first: LogRecord, source: string | undefined) {
    this.pid = first.pid
    this.source = source
    this.#startMs = startOf(first)
    this.#startIsExact = numberIn(first, 'uptimeS') !== undefined
    this.#lastMs = first.timeMs
  }

  /**
   * Is a record of this pid that tells its uptime of this process? Until one has told it, the start lies somewhere before
   * the boot line, and the first record that can be meant settles it.
   */
  isStartedAt(startMs: number): boolean {
    const early = this.#startMs - startMs
    if (this.#startIsExact) return Math.abs(early) <= SAME_START_MS
    if (early < -SAME_START_MS || early > SLOWEST_BOOT_MS) return false
    this.#startMs = startMs
    this.#startIsExact = true
    return true
  }

  /** Was a process that started then, and of whose end nothing is known, this one? */
  isUnexplainedFrom(startMs: number): boolean {
    return this.#end.isUnexplained && Math.abs(this.#startMs - startMs) <= SAME_START_MS
  }

  /** What the next start says of this one's end. */
  explain(death: PreviousDeath): void {
    this.#end.explain(death)
  }

  get isPressedOnHeap(): boolean {
    return this.#end.isPressedOnHeap
  }

  /** How much would be lost without it: warnings count for more than samples. */
  get weight(): number {
    return this.#points.taken + this.#events * 20
  }

  get hasEnded(): boolean {
    return this.#end.isKnown
  }

  add(record: LogRecord): void {
    this.#lastMs = Math.max(this.#lastMs, record.timeMs)
    // A previous-death holds the last sample of another process.
    const point = record.event === 'previous-death' ? undefined : pointOf(record)
    if (point !== undefined) {
      this.#points.add(point)
      this.#peak(point.rssMB, point.heapUsedMB, point.containerMB)
    }
    this.#end.add(record, point !== undefined)
    if (record.event === 'memory') return
    if (record.event === 'heap-validated') this.#boot = record
    if (record.event === 'shutdown') this.#peak(mbIn(record, 'peakRssMB'), mbIn(record, 'peakHeapUsedMB'), undefined)
    const suspects = suspectsIn(record)
    if (suspects.length > 0) this.#suspects = suspects
    this.#remember(eventOf(record))
  }

  /** V8's own last words. */
  diedOfHeap(msg: string): void {
    this.#end.diedOfHeap(msg)
  }

  report(): ProcessReport {
    const boot = this.#boot
    const nodeVersion = boot === undefined ? undefined : textIn(boot, 'nodeVersion')
    const verdict = boot === undefined ? undefined : textIn(boot, 'verdict')
    const remedy = boot === undefined ? undefined : textIn(boot, 'remedy')
    const end = this.#end.end()
    // V8's last words are an event too, but not before it is sure that nothing follows them.
    const last: readonly ReportEvent[] =
      end.kind === 'v8-heap-limit'
        ? [{ timeMs: this.#lastMs, level: 'error', event: 'v8-heap-limit', msg: end.msg }]
        : []
    return {
      pid: this.pid,
      ...(this.source === undefined ? {} : { source: this.source }),
      startMs: this.#startMs,
      lastMs: this.#lastMs,
      ...(nodeVersion === undefined ? {} : { nodeVersion }),
      ...(boot === undefined
        ? {}
        : {
            boot: {
              level: boot.level,
              msg: boot.msg,
              ...(verdict === undefined ? {} : { verdict }),
              ...(remedy === undefined ? {} : { remedy }),
            },
          }),
      end,
      peaks: this.#peaks,
      samples: this.#points.taken,
      samplesAPoint: this.#points.share,
      series: this.#points.series(),
      events: [...this.#firstEvents, ...this.#lastEvents, ...last],
      omittedEvents: this.#events - this.#firstEvents.length - this.#lastEvents.length,
      alarms: this.#alarms + last.length,
      suspects: this.#suspects,
    }
  }

  #peak(rssMB?: number, heapUsedMB?: number, containerMB?: number): void {
    const higher = (key: keyof ProcessReport['peaks'], value: number | undefined) => {
      const before = this.#peaks[key]
      if (value !== undefined && !Number.isNaN(value) && (before === undefined || value > before))
        this.#peaks = { ...this.#peaks, [key]: value }
    }
    higher('rssMB', rssMB)
    higher('heapUsedMB', heapUsedMB)
    higher('containerMB', containerMB)
  }

  #remember(event: ReportEvent): void {
    this.#events++
    if (event.level !== 'info' && event.event !== 'heap-validated') this.#alarms++
    if (this.#firstEvents.length < MOST_EVENTS / 2) this.#firstEvents.push(event)
    else this.#lastEvents = [...this.#lastEvents.slice(1 - MOST_EVENTS / 2), event]
  }
}

/** When a record's process started, as exactly as the record tells. */
export const startOf = (record: LogRecord): number =>
  Math.round(record.timeMs - (numberIn(record, 'uptimeS') ?? 0) * 1000)

function pointOf(record: LogRecord): Point | undefined {
  if (mbIn(record, 'rssMB') === undefined) return undefined
  const values = COLUMNS.map(name => [name, mbIn(record, name) ?? Number.NaN])
  const containerMB = mbIn(record, 'containerWorkingSetMB') ?? mbIn(record, 'containerUsageMB') ?? Number.NaN
  return { ...(Object.fromEntries(values) as Omit<Point, 'timeMs'>), containerMB, timeMs: record.timeMs }
}

/** Memory that a record tells of, in MB, where it is a size that something can have. */
function mbIn(record: LogRecord, key: string): number | undefined {
  const mb = numberIn(record, key)
  return mb !== undefined && mb >= 0 && mb <= MOST_MB ? mb : undefined
}

function eventOf(record: LogRecord): ReportEvent {
  const { timeMs, level, event, msg } = record
  const known = (['resource', 'rung', 'cause', 'death'] as const).flatMap(key => {
    const value = textIn(record, key)
    return value === undefined ? [] : [[key, value]]
  })
  return { timeMs, level, event, msg, ...Object.fromEntries(known) }
}

function suspectsIn({ suspects }: LogRecord): readonly Suspect[] {
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
