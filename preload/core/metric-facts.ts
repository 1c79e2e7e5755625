// What a scrape is answered from, out of what the watch holds.
import { verdictOf } from './assess.ts'
import { type HeapBudget, leastKnownLimit } from './budget.ts'
import { growthOver, type Look } from './cause.ts'
import { heapLevel } from './heap-level.ts'
import { containerUsed, type LadderState } from './ladder.ts'
import type { MetricFacts } from './metrics.ts'
import type { Sample } from './sample.ts'
import { timeTo } from './trend.ts'

/** Where the watch stands, with a whole sample of this moment. */
export interface Standing {
  readonly sample: Sample
  readonly budget: HeapBudget
  readonly state: LadderState
  /** The looks of this climb. */
  readonly history: readonly Look[]
  readonly warnPercent: number
}

type Judged = Pick<MetricFacts, 'sample' | 'budget' | 'verdict' | 'rungs' | 'timeLeft'>

/** Judged as the watch judges. The container counts where a limit of it is known. Never throws. */
export function judgedOf({ sample, budget, state, history, warnPercent }: Standing): Judged {
  const limitBytes = leastKnownLimit(budget)
  const heap = heapLevel(state, sample, sample.uptimeMs)
  return {
    sample,
    budget,
    verdict: verdictOf(budget, warnPercent).kind,
    rungs: { heap: state.heap.rung, ...(limitBytes === undefined ? {} : { container: state.container.rung }) },
    timeLeft: {
      heap: timeTo(state.limits.ceilingBytes, heap, growthOver(history, 'heapUsed')),
      container:
        limitBytes === undefined ? undefined : timeTo(limitBytes, containerUsed(sample), growthOver(history, 'held')),
    },
  }
}
