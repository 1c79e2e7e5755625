// process.report as it is at boot. In the second file.
import type { ReportSettings } from '../core/v8-report.ts'

export type OwnReport = { -readonly [K in keyof ReportSettings]: ReportSettings[K] }

/** The object itself: what is set on it counts for the process. */
export const takeOwnReport = (): OwnReport => process.report as unknown as OwnReport
