// Whether V8's own report at a fatal heap error may be asked for: only where nobody else uses Node's reports, and where the
// environment and the network are kept out of it.
import { splitNodeOptions } from './node-options.ts'

/** process.report's own settings. An app's may be anything: they are looked at, and never called. */
export interface ReportSettings {
  readonly directory: string
  readonly filename: string
  readonly reportOnFatalError: boolean
  readonly reportOnSignal: boolean
  readonly reportOnUncaughtException: boolean
  /** Node from 22.13 on. */
  readonly excludeEnv?: boolean
}

export interface ReportFacts {
  readonly report: ReportSettings
  readonly execArgv: readonly string[]
  /** NODE_OPTIONS as set. */
  readonly nodeOptions: string | undefined
}

export type ReportPlan = { readonly kind: 'arm' } | { readonly kind: 'leave'; readonly reason: string }

/** Without them a report holds the environment, and may wait for minutes on reverse DNS (nodejs/node#55576). */
const NEEDED = ['--report-exclude-env', '--report-exclude-network'] as const

/** Whether anything of Node's reports is in use: another folder would take the app's own reports elsewhere. */
export const isReportUsed = (report: ReportSettings): boolean =>
  report.directory !== '' ||
  report.filename !== '' ||
  report.reportOnFatalError ||
  report.reportOnSignal ||
  report.reportOnUncaughtException

/**
 * What is to be done, asked at boot. What process.report.excludeEnv and excludeNetwork are set to by JS is ignored at a
 * fatal error, in either direction, on 22.23, 24.21 and 26.10 [measured with planted variables]: the flags alone count. A
 * Node that does not know one of them would not have started. Never throws.
 */
export function planReport({ report, execArgv, nodeOptions }: ReportFacts): ReportPlan {
  if (isReportUsed(report))
    return { kind: 'leave', reason: "Node's reports are in use already, and are left as they are" }
  if (report.excludeEnv === undefined)
    return { kind: 'leave', reason: 'this Node cannot keep the environment out of it (22.13 and newer can)' }
  const words = [...(splitNodeOptions(nodeOptions ?? '') ?? []), ...execArgv]
  const missing = NEEDED.filter(flag => !isOn(flag, words))
  return missing.length === 0
    ? { kind: 'arm' }
    : {
        kind: 'leave',
        reason: `it would hold the environment or wait for the network: add ${missing.join(' ')} to NODE_OPTIONS`,
      }
}

/** Of a flag and its negation the last wins. */
function isOn(flag: string, words: readonly string[]): boolean {
  const no = flag.replace('--', '--no-')
  const last = words
    .map(word => word.replace(/_/g, '-'))
    .filter(word => word === flag || word === no)
    .at(-1)
  return last === flag
}

/** How the boot line says it. */
export const reportText = (plan: ReportPlan): string =>
  plan.kind === 'arm' ? '' : ` V8's own report is not written at a fatal heap error: ${plan.reason}.`
