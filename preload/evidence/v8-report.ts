// V8's own report at a fatal heap error, asked for while the heap is on a rung, and no longer: what is set on process.report
// can be seen, and moves the app's own reports.
import { isReportUsed } from '../core/v8-report.ts'
import type { Host } from '../host/host.ts'
import type { OwnReport } from '../host/own-report.ts'
import { readBeginning } from './evidence-files.ts'

/** Arming twice, or disarming what is not armed, does nothing. Both throw what the kernel says. */
export interface V8Report {
  /**
   * Makes the file, for its owner alone (Node keeps the mode of a file that is there, and else leaves it to the umask), and
   * asks for the report. Throws where the app has begun to use reports itself.
   */
  readonly arm: () => void
  /** Puts back what was there, and takes away the file where it is empty still. */
  readonly disarm: () => void
}

/** Makes and asks for nothing yet. */
export function openReport(report: OwnReport, dir: string, name: string, files: Host['files']): V8Report {
  const { unlinkSync } = require('node:fs') as typeof import('node:fs')
  const path = `${dir}/${name}`
  let isArmed = false
  let isMade = false
  let isTaken = false
  return {
    arm: () => {
      if (isArmed) return
      if (isTaken || isReportUsed(report)) throw new Error("the app uses Node's reports itself")
      // One that could not be taken away is there.
      if (!isMade) files.closeSync(files.openSync(path, 'wx', 0o600))
      isMade = true
      report.directory = dir
      report.filename = name
      report.reportOnFatalError = true
      isArmed = true
    },
    disarm: () => {
      if (!isArmed) return
      // Whatever is thrown below, a later climb arms anew.
      isArmed = false
      // What the app has set since is the app's.
      if (report.directory === dir && report.filename === name) {
        report.directory = ''
        report.filename = ''
        report.reportOnFatalError = false
      }
      // So is a report that it wrote meanwhile without a name, which went here.
      const sizeBytes = readBeginning(files, path, 1)?.sizeBytes
      isTaken = sizeBytes !== undefined && sizeBytes > 0
      if (sizeBytes === 0) unlinkSync(path)
      isMade = false
    },
  }
}
