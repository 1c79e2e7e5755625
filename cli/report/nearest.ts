// Which of several processes with one pid a record is of: by when they started, else by who spoke last.
import { type LogRecord, textIn } from './find-record.ts'
import { startOf } from './process-clock.ts'
import type { Run } from './run.ts'

/** Starts that differ by less are told as one (uptimeS has one decimal). */
const SAME_DISTANCE_MS = 100

/** The one whose start is nearest to the one that the record tells; `runs` in the order in which they were heard. */
export function nearest(runs: readonly Run[], record: LogRecord): Run | undefined {
  const startMs = startOf(record)
  let best: { readonly run: Run; readonly distanceMs: number } | undefined
  for (const run of runs) {
    const distanceMs = run.clock.distanceMs(startMs)
    if (distanceMs === undefined) continue
    const nearerMs = best === undefined ? Number.POSITIVE_INFINITY : best.distanceMs - distanceMs
    const isSame = Math.abs(nearerMs) <= SAME_DISTANCE_MS
    if (isSame ? isTurnOf(run, best?.run, record) : nearerMs > 0) best = { run, distanceMs }
  }
  return best?.run
}

/** Of two that cannot be told apart each has its turn; a shutdown follows what the same process said just before. */
function isTurnOf(later: Run, earlier: Run | undefined, { event }: LogRecord): boolean {
  if (earlier === undefined || earlier.end.isKnown !== later.end.isKnown) return !later.end.isKnown
  return event === 'shutdown' || later.clock.uptimeS < earlier.clock.uptimeS
}

/** Whose a record is that tells no uptime: that of the one which it answers, else of the one that spoke last. */
export function heardLast(runs: readonly Run[], record: LogRecord): Run | undefined {
  const resource = textIn(record, 'resource')
  const isAnswer = (run: Run) => record.event === 'pressure-eased' && run.end.isPressedOn(resource ?? 'memory')
  return runs.find(isAnswer) ?? runs.filter(run => !run.end.isKnown).pop() ?? runs[runs.length - 1]
}
