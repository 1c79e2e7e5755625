// V8's own report at a fatal heap error, asked for while the heap is on a rung, and no longer: what is set on process.report
// can be seen, and moves the app's own reports.
import { isReportUsed } from '../core/v8-report.ts'
import type { Host } from '../host/host.ts'
import type { OwnReport } from '../host/own-report.ts'

export interface V8Report {
  /** Puts back what was there, and takes away the file that was not needed. Throws what the kernel says. */
  readonly disarm: () => void
}

/**
 * Makes the file, for its owner alone (Node keeps the mode of a file that is there, and else leaves it to the umask), and
 * asks for the report. Throws where the app has begun to use reports itself, and what the kernel says.
 */
export function armReport(report: OwnReport, dir: string, name: string, files: Host['files']): V8Report {
  if (isReportUsed(report)) throw new Error("the app uses Node's reports itself")
  const { unlinkSync } = require('node:fs') as typeof import('node:fs')
  files.closeSync(files.openSync(`${dir}/${name}`, 'wx', 0o600))
  report.directory = dir
  report.filename = name
  report.reportOnFatalError = true
  return {
    disarm: () => {
      // What the app has set since is the app's.
      if (report.directory === dir && report.filename === name) {
        report.directory = ''
        report.filename = ''
        report.reportOnFatalError = false
      }
      unlinkSync(`${dir}/${name}`)
    },
  }
}
