// Which way a log runs: exports of Loki, Kibana or CloudWatch often have the newest line first.
import { type FoundRecord, numberIn } from './find-record.ts'
import type { LastWords } from './last-words.ts'
import { SAME_START_MS, SLOWEST_BOOT_MS, startOf } from './process-clock.ts'

/** What is heard in a log. */
export type Heard = { readonly kind: 'record'; readonly found: FoundRecord } | LastWords

/** A log that has not told until then runs as logs do. */
const MOST_UNSURE = 1000
/** Of one that runs backwards: a week of minutes, and what Kibana exports at most. */
const MOST_HELD = 10_000
/** Two threads write, so one pair of lines may have changed places. */
const SURE = 2

/** Gives what is heard in the order of time: at once where the log has it so, at the end where it has the newest first. */
export class Order {
  #way: 'unsure' | 'forwards' | 'backwards' = 'unsure'
  #held: Heard[] = []
  #omittedRecords = 0
  /** Pairs of one process in the order of time, less those that are not. */
  #forwardPairs = 0
  readonly #before = new Map<string, FoundRecord>()

  /** The oldest records of a log that has the newest first, where it is longer than can be held. */
  get omittedRecords(): number {
    return this.#omittedRecords
  }

  /** What is next, now that this was heard. */
  add(heard: Heard): readonly Heard[] {
    if (this.#way === 'forwards') return [heard]
    if (this.#held.length < MOST_HELD) this.#held.push(heard)
    else if (heard.kind === 'record') this.#omittedRecords++
    if (this.#way === 'backwards') return []
    if (heard.kind === 'record') this.#compare(heard.found)
    if (this.#forwardPairs <= -SURE) this.#way = 'backwards'
    else if (this.#forwardPairs >= SURE || this.#held.length >= MOST_UNSURE) this.#way = 'forwards'
    return this.#way === 'forwards' ? this.#released() : []
  }

  /** What is left when the log has ended. */
  end(): readonly Heard[] {
    const isBackwards = this.#way === 'backwards' || this.#forwardPairs < 0
    return isBackwards ? this.#released().reverse() : this.#released()
  }

  #released(): Heard[] {
    const held = this.#held
    this.#held = []
    this.#before.clear()
    return held
  }

  #compare(found: FoundRecord): void {
    const key = `${found.record.pid} ${found.source}`
    const before = this.#before.get(key)
    this.#before.set(key, found)
    if (before !== undefined) this.#forwardPairs += wayOf(before, found)
  }
}

/**
 * 1: two records of one process in the order of time, -1: the other way round, 0: they do not tell, or are of two. A time
 * alone does not tell, since a clock may be set.
 */
function wayOf({ record: first }: FoundRecord, { record: second }: FoundRecord): number {
  const way = Math.sign(second.timeMs - first.timeMs)
  const [earlier, later] = way < 0 ? [second, first] : [first, second]
  const laterMs = startOf(later) - startOf(earlier)
  const [earlierS, laterS] = [numberIn(earlier, 'uptimeS'), numberIn(later, 'uptimeS')]
  if (laterS === undefined) return 0
  // A boot line is said between the start and all else.
  if (earlier.event === 'heap-validated') return -laterMs >= -SAME_START_MS && -laterMs <= SLOWEST_BOOT_MS ? way : 0
  return earlierS !== undefined && laterS > earlierS && Math.abs(laterMs) <= SAME_START_MS ? way : 0
}
