// heapguard report: read the log, sort it into processes, draw.
import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { createColors } from 'picocolors'
import type { ReportCommand } from '../arguments.ts'
import type { Outcome } from '../doctor/doctor.ts'
import { Collector } from './collect.ts'
import type { ReportDocument } from './document.ts'
import { reportPage } from './page.ts'
import { progressOn } from './progress.ts'
import { readLog, UnreadableLog } from './read-log.ts'
import { isTheLog } from './same-file.ts'
import { reportText } from './text.ts'

export interface Terminal {
  readonly colors: boolean
  readonly columns: number
}

const COULD_NOT = 2

/** Runs the report. What was read of a log that breaks off is shown all the same, but the status says so. */
export async function report(command: ReportCommand, terminal: Terminal): Promise<Outcome> {
  const mistake = mistakeIn(command)
  if (mistake !== undefined) return fails(mistake)
  const collector = new Collector()
  const progress = progressOn(process.stderr, performance.now.bind(performance))
  let problem: string | undefined
  try {
    for await (const piece of readLog(command.log, progress.show)) collector.add(piece)
  } catch (error) {
    if (!(error instanceof UnreadableLog)) throw error
    problem = error.message
  }
  progress.clear()
  const document = collector.finish(command.log === '-' ? 'stdin' : basename(command.log))
  if (document.records === 0) return fails(problem ?? whyNothing(document))
  const shown = show(command, document, terminal)
  return problem === undefined ? shown : { ...shown, ...fails(`${problem}; what could be read is shown`) }
}

/** What would destroy the log or mix two documents is said before anything is read. */
function mistakeIn({ log, html, json }: ReportCommand): string | undefined {
  if (html === undefined) return undefined
  if (html === '-') return json ? '--json and --html - would both go to stdout: name a file for the page' : undefined
  return isTheLog(html, log)
    ? `${html} is the log itself, which the page would overwrite: name another file`
    : undefined
}

function show({ html, json }: ReportCommand, document: ReportDocument, { colors, columns }: Terminal): Outcome {
  if (html === '-') return { status: 0, stdout: reportPage(document) }
  if (html !== undefined) {
    try {
      writeFileSync(html, reportPage(document))
    } catch (error) {
      return fails(`${html} cannot be written: ${(error as Error).message}`)
    }
  }
  if (json) return { status: 0, stdout: `${JSON.stringify(document)}\n` }
  if (html !== undefined) return { status: 0, stdout: `${html} is written.\n` }
  return { status: 0, stdout: reportText(document, columns, createColors(colors)) }
}

function whyNothing({ log, textLines }: ReportDocument): string {
  return textLines > 0
    ? `${log} holds ${textLines} ${textLines === 1 ? 'line' : 'lines'} of the guard, but as text, which has no numbers to draw: set HEAPGUARD_LOG_FORMAT=json`
    : `${log} holds no record of heapguard: is it the app's stderr (docker logs app 2>&1), and was the guard loaded?`
}

const fails = (reason: string): Outcome => ({ status: COULD_NOT, stderr: `heapguard report: ${reason}\n` })
