// Which process a record is of: a pid alone does not say, since every container has its PID 1 and restarts have it again.
import type { ProcessReport } from './document.ts'
import { type FoundRecord, type LogRecord, numberIn, textIn } from './find-record.ts'
import { Run, startOf } from './run.ts'

const MOST_RUNS = 200

/** Said before the boot line, so they belong to the process that is about to say it. */
const BEFORE_BOOT = ['config-problem', 'previous-death', 'resized']

/** Sorts records into processes; forgets the ones with least to say when there are too many. */
export class Runs {
  readonly #most: number
  #runs: Run[] = []
  #waiting: FoundRecord[] = []
  #records = 0
  #omitted = 0

  constructor(most = MOST_RUNS) {
    this.#most = most
  }

  get records(): number {
    return this.#records
  }

  get omitted(): number {
    return this.#omitted
  }

  add(found: FoundRecord): void {
    this.#records++
    const { record, source } = found
    if (record.event === 'previous-death') this.#explain(record, source)
    if (BEFORE_BOOT.includes(record.event)) {
      this.#waiting.push(found)
      if (this.#waiting.length > 50) this.#settle(this.#waiting.slice(0, 25))
      return
    }
    const run = record.event === 'heap-validated' ? this.#start(record, source) : this.#runOf(record, source)
    const isBefore = (other: FoundRecord) => other.record.pid === record.pid && other.source === source
    const own = this.#waiting.filter(isBefore)
    this.#waiting = this.#waiting.filter(other => !isBefore(other))
    for (const { record } of own) run.add(record)
    run.add(record)
  }

  /** V8's last words, by the pid that its own lines before them name: of several that can be meant, one with a full heap. */
  diedOfHeap(pid: number | undefined, source: string | undefined, msg: string): void {
    const living = this.#runs.filter(
      run => !run.hasEnded && run.source === source && (pid === undefined || run.pid === pid),
    )
    const dead = living.find(run => run.isPressedOnHeap) ?? living[living.length - 1]
    dead?.diedOfHeap(msg)
  }

  /** By time of start. */
  reports(): readonly ProcessReport[] {
    this.#settle(this.#waiting)
    return this.#runs.map(run => run.report()).sort((a, b) => a.startMs - b.startMs)
  }

  /** Whose death it is: that of the process which started as long before it was last seen as it had lived. */
  #explain(record: LogRecord, source: string | undefined): void {
    const seenMs = Date.parse(textIn(record, 'lastSeen') ?? '')
    const livedMs = (numberIn(record, 'runUptimeS') ?? Number.NaN) * 1000
    const dead = this.#runs.find(run => run.source === source && run.isUnexplainedFrom(seenMs - livedMs))
    dead?.explain({
      death: textIn(record, 'death') ?? 'not-known',
      confidence: textIn(record, 'confidence') ?? 'possible',
      msg: record.msg,
    })
  }

  #start(record: LogRecord, source: string | undefined): Run {
    const run = new Run(record, source)
    this.#runs.push(run)
    if (this.#runs.length > this.#most) {
      // The one that was just made has not had its say.
      const least = this.#runs.slice(0, -1).reduce((a, b) => (b.weight < a.weight ? b : a))
      this.#runs = this.#runs.filter(other => other !== least)
      this.#omitted++
    }
    return run
  }

  #runOf(record: LogRecord, source: string | undefined): Run {
    const candidates = this.#runs.filter(run => run.pid === record.pid && run.source === source)
    const newest = candidates[candidates.length - 1]
    if (numberIn(record, 'uptimeS') === undefined) return newest ?? this.#start(record, source)
    const startMs = startOf(record)
    return candidates.reverse().find(run => run.isStartedAt(startMs)) ?? this.#start(record, source)
  }

  #settle(waiting: readonly FoundRecord[]): void {
    for (const { record, source } of waiting) this.#runOf(record, source).add(record)
    this.#waiting = this.#waiting.filter(other => !waiting.includes(other))
  }
}
