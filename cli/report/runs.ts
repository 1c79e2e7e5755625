// Which process a record is of: a pid alone does not say, since every container has its PID 1 and restarts have it again.
import { ClockSteps } from './clock-steps.ts'
import type { ProcessReport } from './document.ts'
import { type FoundRecord, type LogRecord, numberIn, textIn } from './find-record.ts'
import { heardLast, nearest } from './nearest.ts'
import { Run } from './run.ts'

const MOST_RUNS = 200

/** Said before the boot line, so they belong to the process that is about to say it. */
const BEFORE_BOOT = ['config-problem', 'previous-death', 'resized']

/** Sorts records into processes; forgets the ones with least to say when there are too many. */
export class Runs {
  readonly #most: number
  /** The one that was heard last is the last. */
  #runs: Run[] = []
  readonly #steps = new ClockSteps()
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
    const run = this.#runOf(found)
    if (run === undefined) return
    const isBefore = (other: FoundRecord) => other.record.pid === record.pid && other.source === source
    const own = this.#waiting.filter(isBefore)
    this.#waiting = this.#waiting.filter(other => !isBefore(other))
    for (const { record } of own) run.add(record)
    this.#add(run, record)
  }

  /** V8's last words, by the pid that its own lines before them name: of several that can be meant, one with a full heap. */
  diedOfHeap(pid: number | undefined, source: string | undefined, msg: string): void {
    this.#steps.settle(run => run.source === source)
    const living = this.#runs.filter(
      run => !run.end.isKnown && run.source === source && (pid === undefined || run.pid === pid),
    )
    const dead = living.find(run => run.end.isPressedOn('heap')) ?? living[living.length - 1]
    dead?.end.diedOfHeap(msg)
  }

  /** By time of start. */
  reports(): readonly ProcessReport[] {
    this.#settle(this.#waiting)
    this.#steps.settle(() => true)
    const isMixed = (run: Run) => this.#runs.some(other => run.isMixedWith(other))
    return this.#runs.map(run => run.report(isMixed(run))).sort((a, b) => a.startMs - b.startMs)
  }

  /** Whose death it is: that of the process which started as long before it was last seen as it had lived. */
  #explain(record: LogRecord, source: string | undefined): void {
    this.#steps.settle(run => run.source === source)
    const seenMs = Date.parse(textIn(record, 'lastSeen') ?? '')
    const livedMs = (numberIn(record, 'runUptimeS') ?? Number.NaN) * 1000
    const dead = this.#runs.find(run => run.source === source && run.isUnexplainedFrom(seenMs - livedMs))
    dead?.end.explain({
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

  /** Adds a record to its process, which was heard last then. */
  #add(run: Run, record: LogRecord): void {
    run.add(record)
    if (this.#runs[this.#runs.length - 1] !== run) this.#runs = [...this.#runs.filter(other => other !== run), run]
  }

  /** Undefined: it is held until the next one tells. */
  #runOf(found: FoundRecord): Run | undefined {
    const { record, source } = found
    const isOwn = (run: Run) => run.pid === record.pid && run.source === source
    const isTimed = numberIn(record, 'uptimeS') !== undefined
    if (!isTimed) this.#steps.settle(isOwn)
    // Said again at the first look, where V8 says another limit than the start had worked out: no other process.
    const isStart = record.event === 'heap-validated' && textIn(record, 'heapLimitSource') !== 'v8'
    if (isStart) return this.#start(record, source)
    const own = this.#runs.filter(isOwn)
    if (!isTimed) return heardLast(own, record) ?? this.#start(record, source)
    const run = this.#steps.goesOn(found) ?? nearest(own, record)
    if (run !== undefined) {
      this.#release(run)
      return run
    }
    for (const other of own) this.#release(other)
    return this.#steps.hold(found, own.reverse()) ? undefined : this.#start(record, source)
  }

  /** What was held as if it went on this one is of a process of its own. */
  #release(run: Run): void {
    for (const { record, source } of this.#steps.release(run)) this.#start(record, source).add(record)
  }

  #settle(waiting: readonly FoundRecord[]): void {
    for (const found of waiting) {
      const { record, source } = found
      this.#add(this.#runOf(found) ?? this.#start(record, source), record)
    }
    this.#waiting = this.#waiting.filter(other => !waiting.includes(other))
  }
}
