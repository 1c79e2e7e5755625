// The report as one page that needs nothing else: no network, no other file. Nothing of the log is markup in it.
import { createHash } from 'node:crypto'
import type { ProcessReport, ReportDocument } from './document.ts'
import { ending } from './ending.ts'
import { nameOf } from './overview.ts'
import { processSection } from './page-process.ts'
import { escaped } from './page-text.ts'
import { remarkOnLog } from './remarks.ts'
import { isOfDays, moment, span } from './time.ts'

/** uPlot and the page's own script and style, as build.mjs makes them. */
declare const PAGE_SCRIPT: string
declare const PAGE_STYLE: string

// Named once each: esbuild puts the whole text wherever the name stands.
const SCRIPT = PAGE_SCRIPT
const STYLE = PAGE_STYLE

/** The whole page. The policy lets nothing run, load or leave but the two pieces whose hashes it names. */
export function reportPage(report: ReportDocument): string {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(STYLE)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const remark = remarkOnLog(report)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>heapguard report: ${escaped(report.log)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>heapguard report</h1>
<p>${escaped(report.log)} · ${report.records.toLocaleString('en-US')} records · ${spanOf(report.processes)}</p>
${remark === undefined ? '' : `<p class="hint">${escaped(remark)}</p>`}
</header>
${index(report)}
<main>
${report.processes.map(processSection).join('\n')}
</main>
<script type="application/json" id="report">${dataOf(report)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** What the charts are made of. No `<` stands in it, so it cannot end its script element, whatever the log holds. */
function dataOf({ processes }: ReportDocument): string {
  const drawn = processes.map(({ series, events, omittedEvents }) => ({ series, events, omittedEvents }))
  return JSON.stringify({ processes: drawn }).replace(/[<>&\u2028\u2029]/g, unicodeEscape)
}

const unicodeEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

function spanOf(processes: readonly ProcessReport[]): string {
  const fromMs = Math.min(...processes.map(({ startMs }) => startMs))
  const toMs = Math.max(...processes.map(({ lastMs }) => lastMs))
  return `${span(fromMs, toMs)} UTC`
}

const COLUMNS = ['process', 'UTC', 'verdict', 'most RSS', 'alarms']

/** The processes of a log at a glance; on a narrow page each is a small list of its own. */
function index({ processes, omittedProcesses }: ReportDocument): string {
  if (processes.length < 2) return ''
  const [fromMs, toMs] = [
    Math.min(...processes.map(({ startMs }) => startMs)),
    Math.max(...processes.map(({ lastMs }) => lastMs)),
  ]
  const withDay = isOfDays(fromMs, toMs)
  const rows = processes.map((process, at) => {
    const { startMs, lastMs, boot, peaks, end } = process
    const cells = [
      `<a href="#process-${at}">${escaped(nameOf(process))}</a>`,
      `${moment(startMs, withDay)} to ${moment(lastMs, withDay)}`,
      escaped(boot?.verdict ?? '--'),
      peaks.rssMB === undefined ? '--' : `${peaks.rssMB} MB`,
      process.alarms.toLocaleString('en-US'),
    ]
    const { short, isBad } = ending(end)
    const how = `<td class="said${isBad ? ' bad' : ''}" data-is="end">${escaped(short)}</td>`
    return `<tr>${cells.map((cell, column) => `<td data-is="${COLUMNS[column]}">${cell}</td>`).join('')}${how}</tr>`
  })
  const more =
    omittedProcesses === 0 ? '' : `<p class="hint">${omittedProcesses} more with little to say are left out.</p>`
  return `<nav><table>
<thead><tr>${[...COLUMNS, 'end'].map(name => `<th>${name}</th>`).join('')}</tr></thead>
<tbody>${rows.join('')}</tbody>
</table>${more}</nav>`
}
