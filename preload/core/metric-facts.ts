// What a scrape is answered from, out of what the watch holds.
import { verdictOf } from './assess.ts'
import { type HeapBudget, leastKnownLimit } from './budget.ts'
import { type Look, lookAt } from './cause.ts'
import type { MemoryGroup } from './cgroup.ts'
import { heapLevel } from './heap-level.ts'
import { containerUsed, type LadderState } from './ladder.ts'
import type { MetricFacts } from './metrics.ts'
import type { Sample } from './sample.ts'
import { type Growth, growthOf, type Point, remember, timeTo } from './trend.ts'
import { type Millis, millis } from './units.ts'

/** Where the watch stands, with a whole sample of this moment. */
export interface Standing {
  readonly sample: Sample
  readonly budget: HeapBudget
  /** Whose files the sample's container figures are from. */
  readonly group: MemoryGroup | undefined
  readonly state: LadderState
  /** The looks of this climb. */
  readonly history: readonly Look[]
  readonly warnPercent: number
}

/** The kernel's counter of kills, carried from group to group. */
export interface Kills {
  readonly total: number
  readonly counter: number
  readonly folder: string | undefined
}

/**
 * Each group has a counter of its own, and after a resize another group's may be read: the total begins with the first
 * one's and goes on by what each has risen, since a jump would be taken for kills. undefined: the kernel has given none yet.
 */
export function killsAfter(
  before: Kills | undefined,
  { sample, group }: Pick<Standing, 'sample' | 'group'>,
): Kills | undefined {
  const counter = sample.container.events?.oomKill
  if (counter === undefined) return before
  const folder = group?.folder
  if (before === undefined) return { total: counter, counter, folder }
  const risen = folder === before.folder ? Math.max(0, counter - before.counter) : 0
  return { total: before.total + risen, counter, folder }
}

/** What each scrape leaves for the next. */
export interface Scraped {
  readonly kills: Kills | undefined
  /** One a scrape, of this group: a calm process has hardly looks of its own. The latest last. */
  readonly looks: readonly Look[]
  readonly folder: string | undefined
}

/** One scrape more. Never throws. */
export function scrapedAfter(before: Scraped | undefined, standing: Pick<Standing, 'sample' | 'group'>): Scraped {
  const { sample, group } = standing
  const folder = group?.folder
  const looks = before?.folder === folder ? (before?.looks ?? []) : []
  return {
    kills: killsAfter(before?.kills, standing),
    looks: remember(looks, lookAt(sample, sample.uptimeMs)),
    folder,
  }
}

/** A start loads and compiles: that memory fills meanwhile is no trend. */
const STARTED_MS = millis(10_000)
/** What is older says nothing of now. */
const TREND_MS = millis(600_000)
const MOST_POINTS = 8
const LEAST_POINTS = 4

/**
 * The growth that a scrape may tell of, at any time. The looks of a calm process are few and old, and those of a burst
 * lie close together and outnumber what came after, so points count that lie apart. `seen`: in the order of time, this
 * moment last. undefined: too few for a trend. Never throws.
 */
export function lastingGrowth(seen: readonly Look[], part: 'heapUsed' | 'held'): Growth | undefined {
  const nowMs = seen.at(-1)?.atMs ?? 0
  const looks = seen.filter(({ atMs }) => atMs >= STARTED_MS && nowMs - atMs <= TREND_MS)
  const spanMs = nowMs - (looks[0]?.atMs ?? nowMs)
  const apart: Point[] = []
  let newestMs: Millis | undefined
  for (const look of looks.reverse()) {
    if (newestMs !== undefined && newestMs - look.atMs < spanMs / MOST_POINTS) continue
    newestMs = look.atMs
    apart.unshift({ atMs: look.atMs, value: look[part] })
  }
  return apart.length < LEAST_POINTS ? undefined : growthOf(apart)
}

type Judged = Pick<MetricFacts, 'sample' | 'budget' | 'verdict' | 'rungs' | 'timeLeft'>

/** Judged as the watch judges, at this scrape. The container counts where a limit of it is known. Never throws. */
export function judgedOf(
  { sample, budget, state, history, warnPercent }: Standing,
  { looks }: Pick<Scraped, 'looks'>,
): Judged {
  const limitBytes = leastKnownLimit(budget)
  const seen = [...history, ...looks].sort((a, b) => a.atMs - b.atMs)
  const heap = heapLevel(state, sample, sample.uptimeMs)
  return {
    sample,
    budget,
    verdict: verdictOf(budget, warnPercent).kind,
    rungs: { heap: state.heap.rung, ...(limitBytes === undefined ? {} : { container: state.container.rung }) },
    timeLeft: {
      heap: timeTo(state.limits.ceilingBytes, heap, lastingGrowth(seen, 'heapUsed')),
      container:
        limitBytes === undefined ? undefined : timeTo(limitBytes, containerUsed(sample), lastingGrowth(seen, 'held')),
    },
  }
}
