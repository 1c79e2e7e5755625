// One process on the page.
import type { ProcessReport, ReportEvent } from './document.ts'
import { ending } from './ending.ts'
import { nameOf } from './overview.ts'
import { escaped } from './page-text.ts'
import { remarkOn } from './remarks.ts'
import { isOfDays, moment, span } from './time.ts'

/** Its section; `at` is its place among the report's processes, by which the script finds its data. */
export function processSection(process: ProcessReport, at: number): string {
  const { boot, nodeVersion, startMs, lastMs, samples, samplesAPoint } = process
  const end = ending(process.end)
  const remark = remarkOn(process)
  const isBad = boot?.level === 'warn'
  const badge =
    boot?.verdict === undefined ? '' : `<span class="badge ${isBad ? 'bad' : 'good'}">${escaped(boot.verdict)}</span>`
  const facts = [
    nodeVersion,
    `${span(startMs, lastMs)} UTC`,
    `${samples.toLocaleString('en-US')} samples${samplesAPoint > 1 ? `, each point the highest of ${samplesAPoint}` : ''}`,
  ]
  const parts = [
    `<section id="process-${at}">`,
    `<div class="top"><h2>${escaped(nameOf(process))}</h2>${badge}</div>`,
    `<p class="facts">${facts.flatMap(fact => (fact === undefined ? [] : escaped(fact))).join(' · ')}</p>`,
    `<p class="end${end.isBad ? ' bad' : ''}">${escaped(end.text)}</p>`,
    boot === undefined ? '' : `<p class="boot">${escaped(boot.msg)}</p>`,
    boot?.remedy === undefined ? '' : `<p class="boot">In NODE_OPTIONS: <code>${escaped(boot.remedy)}</code></p>`,
    remark === undefined ? '' : `<p class="hint">${escaped(remark)}</p>`,
    peaks(process),
    samples < 2
      ? '<p class="hint">Fewer than two samples: nothing to draw.</p>'
      : `<div class="chart" data-process="${at}" role="img" aria-label="Memory over time"></div>
<p class="hint">Drag to zoom, double-click to see all, click a name in the legend to show or hide its curve.</p>`,
    suspects(process),
    events(process),
    '</section>',
  ]
  return parts.filter(part => part !== '').join('\n')
}

function peaks({ peaks, series }: ProcessReport): string {
  const limit = (values: readonly (number | null)[]) => values.filter(value => value !== null).pop()
  const tile = (name: string, mb: number | undefined, of?: number | null) =>
    mb === undefined
      ? ''
      : `<div><dt>${name}</dt><dd>${mb} MB${of ? ` <small>of ${of} MB, ${((mb * 100) / of).toFixed(0)} %</small>` : ''}</dd></div>`
  const tiles = [
    tile('most RSS', peaks.rssMB),
    tile('most heap', peaks.heapUsedMB, limit(series.heapCeilingMB)),
    tile('most working set', peaks.containerMB, limit(series.containerMemoryMB)),
  ].join('')
  return tiles === '' ? '' : `<dl>${tiles}</dl>`
}

function suspects({ suspects }: ProcessReport): string {
  const most = Math.max(...suspects.map(({ MB }) => MB))
  const rows = suspects.map(
    ({ site, MB }) =>
      `<tr><td class="number">${MB} MB</td><td><meter max="${most}" value="${MB}"></meter></td><td class="said"><code>${escaped(site)}</code></td></tr>`,
  )
  return rows.length === 0
    ? ''
    : `<h3>What was filling the heap</h3>
<table><tbody>${rows.join('')}</tbody></table>`
}

function events({ events, omittedEvents, startMs, lastMs }: ProcessReport): string {
  // The boot line stands above, whole.
  const listed = events.filter(({ event }) => event !== 'heap-validated')
  if (listed.length === 0) return ''
  const more = omittedEvents === 0 ? '' : `<p class="hint">${omittedEvents} more in the middle are left out.</p>`
  return `<h3>Events</h3>
<div class="events"><table>
<thead><tr><th>UTC</th><th>level</th><th>event</th><th>what it says</th></tr></thead>
<tbody>${listed.map(event => eventRow(event, isOfDays(startMs, lastMs))).join('')}</tbody>
</table>${more}</div>`
}

const LEVELS = ['warn', 'error']

function eventRow({ timeMs, level, event, resource, rung, cause, death, msg }: ReportEvent, withDay: boolean): string {
  const color = LEVELS.includes(level) ? ` ${level}` : ''
  const name = [event, resource, rung, death, cause === undefined ? undefined : `cause: ${cause}`].filter(
    part => part !== undefined,
  )
  return `<tr data-at="${timeMs}"><td>${moment(timeMs, withDay)}</td><td class="level${color}">${escaped(level)}</td><td class="name">${name.map(escaped).join(' <br>')}</td><td class="said">${escaped(msg)}</td></tr>`
}
