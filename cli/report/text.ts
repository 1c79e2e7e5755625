// The report for a terminal.
import type { Colors } from 'picocolors/types.js'
import { printable } from '../printable.ts'
import { whole, wrapped } from '../wrap.ts'
import { chart, markOf } from './chart.ts'
import type { ProcessReport, ReportDocument, ReportEvent } from './document.ts'
import { ending } from './ending.ts'
import { nameOf, overview } from './overview.ts'
import { remarkOn, remarkOnLog } from './remarks.ts'
import { isOfDays, moment, span } from './time.ts'

/** The last of these are what is asked for at three in the morning. */
const MOST_EVENTS = 12
/** More processes than that: those are drawn that had trouble, and all of them have a line. */
const MOST_DRAWN = 8
/** Wider sentences are hard to read. */
const MOST_COLUMNS = 120

/** The processes, one after the other; then, where they are several, one line for each. */
export function reportText(report: ReportDocument, columns: number, paint: Colors): string {
  const { processes, records, log, omittedProcesses } = report
  const head = `${paint.bold(`heapguard report: ${printable(log)}`)}, ${count(records, 'record')} of ${count(processes.length, 'process')}`
  const drawn = drawnOf(processes)
  const remark = remarkOnLog(report)
  const heads = remark === undefined ? [head] : [head, paint.yellow(wrapped(remark, Math.min(columns, MOST_COLUMNS)))]
  const parts = [...heads, ...drawn.map(process => processText(process, columns, paint))]
  if (processes.length > 1) parts.push(overview(processes, columns, paint).join('\n'))
  if (drawn.length < processes.length)
    parts.push(paint.dim(`${drawn.length} of ${processes.length} are drawn; --html draws all of them.`))
  if (omittedProcesses > 0)
    parts.push(paint.dim(`${count(omittedProcesses, 'more process')} with little to say are left out.`))
  return `${parts.join('\n\n')}\n`
}

/** Those that ended badly or had most to say, in their order. */
function drawnOf(processes: readonly ProcessReport[]): readonly ProcessReport[] {
  const trouble = (process: ProcessReport) => (ending(process.end).isBad ? 1000 : 0) + process.alarms
  const worst = [...processes].sort((a, b) => trouble(b) - trouble(a)).slice(0, MOST_DRAWN)
  return processes.filter(process => worst.includes(process))
}

function processText(process: ProcessReport, columns: number, paint: Colors): string {
  const width = Math.min(columns, MOST_COLUMNS)
  const { boot, suspects, events, omittedEvents } = process
  const lines = [title(process, width, paint)]
  if (boot !== undefined) {
    const verdict = boot.level === 'warn' ? paint.red(boot.verdict ?? boot.level) : paint.green(boot.verdict ?? '')
    lines.push(`${verdict}: ${wrapped(printable(boot.msg), width)}`)
  }
  const remark = remarkOn(process)
  if (remark !== undefined) lines.push(paint.yellow(wrapped(remark, width)))
  const drawn = chart(process, columns, paint)
  if (drawn.length > 0) lines.push('', ...drawn)
  const listed = events.filter(({ event }) => event !== 'heap-validated')
  const hidden = omittedEvents + Math.max(0, listed.length - MOST_EVENTS)
  if (listed.length > 0) lines.push('')
  if (hidden > 0) lines.push(paint.dim(`  … ${hidden} more before these; --json and --html have them`))
  for (const event of listed.slice(-MOST_EVENTS))
    lines.push(eventText(event, width, isOfDays(process.startMs, process.lastMs), paint))
  if (suspects.length > 0) {
    lines.push('', 'filling the heap:')
    for (const { site, MB } of suspects) lines.push(`  ${`${MB} MB`.padStart(10)}  ${printable(site)}`)
  }
  const { text, isBad } = ending(process.end)
  lines.push('', isBad ? paint.red(wrapped(text, width)) : wrapped(text, width))
  return lines.join('\n')
}

/** Its name and what it was, in as many lines as it takes. */
function title(process: ProcessReport, width: number, paint: Colors): string {
  const { nodeVersion, startMs, lastMs, samples, samplesAPoint, peaks } = process
  const name = printable(nameOf(process))
  const merged = samplesAPoint > 1 ? ` (a point is the highest of ${samplesAPoint})` : ''
  const highest = [
    ['RSS', peaks.rssMB],
    ['heap', peaks.heapUsedMB],
    ['working set', peaks.containerMB],
  ].flatMap(([what, mb]) => (mb === undefined ? [] : `${what} ${mb}`))
  const parts = [
    nodeVersion === undefined ? undefined : printable(nodeVersion),
    `${span(startMs, lastMs)} UTC`,
    `${count(samples, 'sample')}${merged}`,
    highest.length === 0 ? undefined : `at most ${highest.join(', ')} MB`,
  ]
  const text = wrapped(
    `${name}  ${parts.flatMap(part => (part === undefined ? [] : whole(part))).join(' · ')}`,
    width,
    '  ',
  )
  return `${paint.bold(name)}${paint.dim(text.slice(name.length))}`
}

function eventText(event: ReportEvent, width: number, withDay: boolean, paint: Colors): string {
  const { timeMs, level, event: name, msg, resource } = event
  const color = level === 'error' ? paint.red : level === 'warn' ? paint.yellow : (text: string) => text
  const of = resource === undefined ? '' : ` on ${printable(resource)}`
  const head = `${markOf(event)} ${moment(timeMs, withDay)} ${printable(name)}${of}:`
  return `${color(head)}${wrapped(`${head} ${printable(msg)}`, width, '    ').slice(head.length)}`
}

const count = (number: number, what: string): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? what : what.endsWith('s') ? `${what}es` : `${what}s`}`
