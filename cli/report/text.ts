// The report for a terminal.
import type { Colors } from 'picocolors/types.js'
import { wrapped } from '../wrap.ts'
import { chart, markOf } from './chart.ts'
import type { ProcessReport, ReportDocument, ReportEvent } from './document.ts'
import { ending } from './ending.ts'
import { printable } from './printable.ts'
import { clock, day } from './time.ts'

/** The last of these are what is asked for at three in the morning. */
const MOST_EVENTS = 12

/** All processes, one after the other. */
export function reportText(report: ReportDocument, columns: number, paint: Colors): string {
  const { processes, records, log, omittedProcesses } = report
  const head = `${paint.bold(`heapguard report: ${printable(log)}`)}, ${count(records, 'record')} of ${count(processes.length, 'process')}`
  const parts = [head, ...processes.map(process => processText(process, columns, paint))]
  if (omittedProcesses > 0)
    parts.push(paint.dim(`${count(omittedProcesses, 'more process')} with little to say are left out.`))
  return `${parts.join('\n\n')}\n`
}

function processText(process: ProcessReport, columns: number, paint: Colors): string {
  const width = Math.min(columns, 120)
  const { boot, suspects, events, omittedEvents } = process
  const lines = [title(process, paint)]
  if (boot !== undefined) {
    const verdict = boot.level === 'warn' ? paint.red(boot.verdict ?? boot.level) : paint.green(boot.verdict ?? '')
    lines.push(`${verdict}: ${wrapped(printable(boot.msg), width)}`)
  }
  const drawn = chart(process, columns, paint)
  if (drawn.length > 0) lines.push('', ...drawn)
  const listed = events.filter(({ event }) => event !== 'heap-validated')
  const hidden = omittedEvents + Math.max(0, listed.length - MOST_EVENTS)
  if (listed.length > 0) lines.push('')
  if (hidden > 0) lines.push(paint.dim(`  … ${hidden} more before these; --json and --html have them`))
  for (const event of listed.slice(-MOST_EVENTS)) lines.push(eventText(event, width, paint))
  if (suspects.length > 0) {
    lines.push('', 'filling the heap:')
    for (const { site, MB } of suspects) lines.push(`  ${`${MB} MB`.padStart(10)}  ${printable(site)}`)
  }
  const { text, isBad } = ending(process.end)
  lines.push('', isBad ? paint.red(wrapped(text, width)) : text)
  return lines.join('\n')
}

function title(process: ProcessReport, paint: Colors): string {
  const { pid, source, nodeVersion, startMs, lastMs, samples, samplesAPoint, peaks } = process
  const name = source === undefined ? `pid ${pid}` : `${printable(source)} pid ${pid}`
  const merged = samplesAPoint > 1 ? ` (a point is the highest of ${samplesAPoint})` : ''
  const highest = [
    ['RSS', peaks.rssMB],
    ['heap', peaks.heapUsedMB],
    ['working set', peaks.containerMB],
  ].flatMap(([what, mb]) => (mb === undefined ? [] : `${what} ${mb}`))
  const parts = [
    nodeVersion === undefined ? undefined : printable(nodeVersion),
    `${day(startMs)} ${clock(startMs)} to ${clock(lastMs)} UTC`,
    `${count(samples, 'sample')}${merged}`,
    highest.length === 0 ? undefined : `at most ${highest.join(', ')} MB`,
  ]
  return `${paint.bold(name)}  ${paint.dim(parts.filter(part => part !== undefined).join(' · '))}`
}

function eventText(event: ReportEvent, width: number, paint: Colors): string {
  const { timeMs, level, event: name, msg } = event
  const color = level === 'error' ? paint.red : level === 'warn' ? paint.yellow : (text: string) => text
  const head = `${markOf(event)} ${clock(timeMs)} ${name}`
  return `${color(head)} ${wrapped(printable(msg), width - head.length - 1, '    ')}`
}

const count = (number: number, what: string): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? what : what.endsWith('s') ? `${what}es` : `${what}s`}`
