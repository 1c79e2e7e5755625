// One process as its records tell of it, in bounded memory.
import type { ProcessReport, ReportEvent, Suspect } from './document.ts'
import { EndOf } from './end-of.ts'
import { EventList } from './event-list.ts'
import { type LogRecord, textIn } from './find-record.ts'
import { eventOf, mbIn, pointOf, suspectsIn } from './of-record.ts'
import { Points } from './points.ts'
import { ProcessClock, SAME_START_MS } from './process-clock.ts'

/** Two that started so near to each other are not surely told apart by when they started. */
const TOO_NEAR_MS = 200
/** From a start to its boot line, at most, on most machines. */
const USUAL_BOOT_MS = 2000

/** Collects the records of one process. */
export class Run {
  readonly pid: number
  readonly source: string | undefined
  readonly clock: ProcessClock
  readonly end = new EndOf()
  readonly #points = new Points()
  readonly #events = new EventList()
  #lastMs: number
  #isRoutineHeard = false
  #boot: LogRecord | undefined
  #peaks: ProcessReport['peaks'] = {}
  #suspects: readonly Suspect[] = []

  constructor(first: LogRecord, source: string | undefined) {
    this.pid = first.pid
    this.source = source
    this.clock = new ProcessClock(first)
    this.#lastMs = first.timeMs
  }

  /** Does its log hold what is said in calm times too? Then a start after it would have been said. */
  get isRoutineHeard(): boolean {
    return this.#isRoutineHeard
  }

  /** Was a process that started then, and of whose end nothing is known, this one? */
  isUnexplainedFrom(startMs: number): boolean {
    return this.end.isUnexplained && Math.abs(this.clock.startMs - startMs) <= SAME_START_MS
  }

  /** May lines of one of these two be among those of the other? */
  isMixedWith(other: Run): boolean {
    if (other === this || other.pid !== this.pid || other.source !== this.source) return false
    const apartMs = this.clock.startMs - other.clock.startMs
    if (this.clock.isExact === other.clock.isExact) return Math.abs(apartMs) <= TOO_NEAR_MS
    // One of them has nothing but its boot line while the other spoke on: what it said may be with that one.
    const [silent, heard, bootMs] = this.clock.isExact ? [other, this, -apartMs] : [this, other, apartMs]
    return bootMs >= -TOO_NEAR_MS && bootMs <= USUAL_BOOT_MS && heard.#lastMs > silent.#lastMs
  }

  /** How much would be lost without it: warnings count for more than samples. */
  get weight(): number {
    return this.#points.taken + this.#events.taken * 20
  }

  add(record: LogRecord): void {
    const timeMs = this.clock.timeMs(record)
    this.clock.follow(record)
    this.#lastMs = Math.max(this.#lastMs, timeMs)
    // A previous-death holds the last sample of another process.
    const point = record.event === 'previous-death' ? undefined : pointOf(record, timeMs)
    if (point !== undefined) {
      this.#points.add(point)
      this.#peak(point.rssMB, point.heapUsedMB, point.containerMB)
    }
    this.end.add(record, point !== undefined)
    if (record.event === 'memory' || record.event === 'heap-validated') this.#isRoutineHeard = true
    if (record.event === 'memory') return
    if (record.event === 'heap-validated') this.#boot = record
    if (record.event === 'shutdown') this.#peak(mbIn(record, 'peakRssMB'), mbIn(record, 'peakHeapUsedMB'), undefined)
    const suspects = suspectsIn(record)
    if (suspects.length > 0) this.#suspects = suspects
    this.#events.add(eventOf(record, timeMs))
  }

  /** The clock was set, so that the start is another, and this is the first record by the new one. */
  addStepped(record: LogRecord, startMs: number): void {
    const seconds = this.clock.step(startMs) / 1000
    const by = Math.abs(seconds).toLocaleString('en-US', { maximumFractionDigits: 1 })
    const msg = `The clock was set ${seconds < 0 ? 'back' : 'on'} by ${by} s; times before this are told by the new one.`
    this.#events.add({ timeMs: this.clock.timeMs(record), level: 'info', event: 'clock-stepped', msg })
    this.add(record)
  }

  report(isMixed: boolean): ProcessReport {
    const boot = this.#boot
    const nodeVersion = boot === undefined ? undefined : textIn(boot, 'nodeVersion')
    const verdict = boot === undefined ? undefined : textIn(boot, 'verdict')
    const remedy = boot === undefined ? undefined : textIn(boot, 'remedy')
    const end = this.end.end()
    const { startMs, steppedMs } = this.clock
    const lastMs = this.#lastMs + steppedMs
    // V8's last words are an event too, but not before it is sure that nothing follows them.
    const last: readonly ReportEvent[] =
      end.kind === 'v8-heap-limit' ? [{ timeMs: lastMs, level: 'error', event: 'v8-heap-limit', msg: end.msg }] : []
    return {
      pid: this.pid,
      ...(this.source === undefined ? {} : { source: this.source }),
      startMs,
      lastMs,
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
      ...(isMixed ? { isMixed } : {}),
      end,
      peaks: this.#peaks,
      samples: this.#points.taken,
      samplesAPoint: this.#points.share,
      series: this.#points.series(steppedMs),
      events: [...this.#events.events(steppedMs), ...last],
      omittedEvents: this.#events.omitted,
      alarms: this.#events.alarms + last.length,
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
}
