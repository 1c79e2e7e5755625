// Which of several processes with one pid a record is of: by when they started, else by who spoke last.
import { type LogRecord, textIn } from './find-record.ts'
import { startOf } from './process-clock.ts'
import type { Run } from './run.ts'

/** Of two starts that differ by less the nearer is a matter of chance. */
const SAME_DISTANCE_MS = 50
/** uptimeS has one decimal, and is told a moment after it was read. */
const EXACT_MS = 100
/** From a start to its boot line it takes that much longer than two records of one process tell its start apart. */
const BOOT_SHARE = 20

interface Candidate {
  readonly run: Run
  readonly distanceMs: number
}

/** The one whose start is nearest to the one that the record tells; `runs` in the order in which they were heard. */
export function nearest(runs: readonly Run[], record: LogRecord): Run | undefined {
  const startMs = startOf(record)
  let best: Candidate | undefined
  for (const run of runs) {
    const distanceMs = run.clock.distanceMs(startMs)
    if (distanceMs === undefined) continue
    const candidate = { run, distanceMs }
    if (best === undefined || isNearer(candidate, best, record)) best = candidate
  }
  return best?.run
}

function isNearer(one: Candidate, other: Candidate, record: LogRecord): boolean {
  if (one.run.clock.isExact !== other.run.clock.isExact) return weightOf(one, record) < weightOf(other, record)
  if (Math.abs(one.distanceMs - other.distanceMs) > SAME_DISTANCE_MS) return one.distanceMs < other.distanceMs
  return isTurnOf(one.run, other.run, record)
}

/** A distance that can be compared: a start that was told is a narrow mark, that of which only the boot line is known a wide one. */
function weightOf({ run, distanceMs }: Candidate, { event, uptimeS }: LogRecord): number {
  if (!run.clock.isExact) return distanceMs
  // Nobody tells the same uptime twice.
  if (event === 'memory' && Number(uptimeS) <= run.clock.uptimeS) return Number.POSITIVE_INFINITY
  return distanceMs <= EXACT_MS ? 0 : distanceMs * BOOT_SHARE
}

/** Of two that cannot be told apart each has its turn; a shutdown follows what the same process said just before. */
function isTurnOf(later: Run, earlier: Run, { event }: LogRecord): boolean {
  if (earlier.end.isKnown !== later.end.isKnown) return !later.end.isKnown
  return event === 'shutdown' || later.clock.uptimeS < earlier.clock.uptimeS
}

/** Whose a record is that tells no uptime: that of the one which it answers, else of the one that spoke last. */
export function heardLast(runs: readonly Run[], record: LogRecord): Run | undefined {
  const resource = textIn(record, 'resource')
  const isAnswer = (run: Run) => record.event === 'pressure-eased' && run.end.isPressedOn(resource ?? 'memory')
  return runs.find(isAnswer) ?? runs.filter(run => !run.end.isKnown).pop() ?? runs[runs.length - 1]
}
