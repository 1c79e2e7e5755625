// What a reader of a report has to know of how its log was read.
import type { ProcessReport, ReportDocument } from './document.ts'

/** Of one process: why its lines may be another's. */
export const remarkOn = ({ isMixed }: ProcessReport): string | undefined =>
  isMixed
    ? 'Another process of this pid started with it, and nothing tells their lines apart: some may be with the wrong one. A log that names the container of each line would (docker compose logs, kubectl logs --prefix).'
    : undefined

/** Of the whole log: why it is not all there. */
export const remarkOnLog = ({ omittedRecords }: ReportDocument): string | undefined =>
  omittedRecords === 0
    ? undefined
    : `The log has its newest line first, and its ${omittedRecords.toLocaleString('en-US')} oldest records are left out: turn it round to see them (tac LOG | heapguard report -).`
