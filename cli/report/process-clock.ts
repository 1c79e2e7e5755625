// When one process started, by the clock of its records, which may be set while it runs.
import { type LogRecord, numberIn } from './find-record.ts'

/** Clocks and rounding (uptimeS has one decimal) make two records of one process differ by less than that. */
export const SAME_START_MS = 1500
/** From a process's start to its boot line, on a machine that is badly short of processor time. */
export const SLOWEST_BOOT_MS = 60_000
/** HEAPGUARD_INTERVAL_MS, where no two records have told another. */
const INTERVAL_S = 60

const FOLLOWED_OVER = 8

/** When a record's process started, as exactly as the record tells. */
export const startOf = (record: LogRecord): number =>
  Math.round(record.timeMs - (numberIn(record, 'uptimeS') ?? 0) * 1000)

/** Follows the start that each record of one process tells. */
export class ProcessClock {
  #firstStartMs: number
  #startMs: number
  #isExact: boolean
  #uptimeS = 0
  #longestGapS = INTERVAL_S
  #steppedMs = 0

  constructor(first: LogRecord) {
    this.#firstStartMs = this.#startMs = startOf(first)
    this.#isExact = numberIn(first, 'uptimeS') !== undefined
  }

  /** By the clock as it was last. */
  get startMs(): number {
    return this.#firstStartMs + this.#steppedMs
  }

  /** Has a record told its uptime? Else only the boot line is known. */
  get isExact(): boolean {
    return this.#isExact
  }

  /** The latest uptime that was told. */
  get uptimeS(): number {
    return this.#uptimeS
  }

  /** By how much the clock was set, all in all. */
  get steppedMs(): number {
    return this.#steppedMs
  }

  /** A record's time by the clock that the process began with, so that times go on upwards. */
  timeMs(record: LogRecord): number {
    return record.timeMs - this.#steppedMs
  }

  /**
   * How far a start is from this one; undefined: it is another's. Until a record has told its uptime the start lies
   * somewhere before the boot line.
   */
  distanceMs(startMs: number): number | undefined {
    const earlyMs = this.#startMs - startMs
    const isOwn = earlyMs >= -SAME_START_MS && earlyMs <= (this.#isExact ? SAME_START_MS : SLOWEST_BOOT_MS)
    return isOwn ? Math.abs(earlyMs) : undefined
  }

  /** A record of this process. Two clocks that run apart slowly are followed. */
  follow(record: LogRecord): void {
    const uptimeS = numberIn(record, 'uptimeS')
    if (uptimeS === undefined) return
    // The mean of some is more exact than the last one.
    if (this.#isExact) this.#startMs += (startOf(record) - this.#startMs) / FOLLOWED_OVER
    else this.#firstStartMs = this.#startMs = startOf(record)
    this.#isExact = true
    if (this.#uptimeS > 0) this.#longestGapS = Math.max(this.#longestGapS, uptimeS - this.#uptimeS)
    this.#uptimeS = Math.max(this.#uptimeS, uptimeS)
  }

  /** Would this be the next uptime to be told, whatever the clock says? */
  isNext(uptimeS: number): boolean {
    return uptimeS >= this.#uptimeS && uptimeS - this.#uptimeS <= this.#longestGapS * 2
  }

  /** The clock was set, so that the start is another now. Returns by how much. */
  step(startMs: number): number {
    const byMs = Math.round(startMs - this.#startMs)
    this.#startMs = startMs
    this.#isExact = true
    this.#steppedMs += byMs
    return byMs
  }
}
