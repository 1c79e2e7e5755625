// What runs in the report's page: the charts. Every other word of the page stands in its HTML already.
import uPlot from 'uplot'
import type { ProcessReport, ReportDocument } from '../report/document.ts'
import { drawEvents, eventsNear } from './events.ts'
import { seriesOf } from './series.ts'

const HEIGHT = 340
/** Events that the cursor tells at once. */
const MOST_TOLD = 3
/** More charts than that wait until they are looked at. */
const AT_ONCE = 12

const report: ReportDocument = JSON.parse(document.getElementById('report')?.textContent ?? '{}')
const dark = matchMedia('(prefers-color-scheme: dark)')

/** A colour of the page's style sheet, as the theme of the moment has it. */
const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

function makeChart(place: HTMLElement, process: ProcessReport): uPlot {
  const { series, data } = seriesOf(process, color)
  const axis = {
    stroke: color('muted'),
    grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('line'), width: 1 },
  }
  const told = document.createElement('div')
  told.className = 'told'
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      padding: [null, 36, null, null],
      scales: { y: { range: (_, __, most) => [0, most * 1.08] } },
      axes: [
        { ...axis, space: 80, values: (_, ticks, __, ___, step) => ticks.map(tick => timeTick(tick, step)) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map(tick => `${tick.toLocaleString('en-US')} MB`) },
      ],
      series: [{ label: 'UTC', value: (_, seconds) => clock(seconds, isOfDays(data[0])) }, ...series],
      cursor: { drag: { x: true, y: false, setScale: true }, points: { size: 7 } },
      hooks: {
        draw: [chart => drawEvents(chart, process, color)],
        setCursor: [chart => tellEvents(chart, told, process)],
      },
    },
    data,
    place,
  )
  chart.over.append(told)
  return chart
}

/** 24 hours, UTC; the day where the ticks are days. */
function timeTick(seconds: number, stepSeconds: number): string {
  const iso = new Date(seconds * 1000).toISOString()
  if (stepSeconds >= 86_400) return iso.slice(0, 10)
  return iso.slice(11, stepSeconds >= 60 ? 16 : stepSeconds >= 1 ? 19 : 23)
}

const isOfDays = (seconds: ArrayLike<number>): boolean =>
  (seconds[seconds.length - 1] ?? 0) - (seconds[0] ?? 0) > 86_400

function clock(seconds: number | null, withDay: boolean): string {
  if (seconds === null) return '--'
  const iso = new Date(seconds * 1000).toISOString()
  return withDay ? iso.slice(5, 19).replace('T', ' ') : iso.slice(11, 21).replace(/\.0$/, '')
}

function tellEvents(chart: uPlot, told: HTMLElement, { events }: ProcessReport): void {
  const near = eventsNear(chart, events)
  told.hidden = near.length === 0
  if (near.length === 0) return
  const lines = near.slice(0, MOST_TOLD).map(event => {
    const line = document.createElement('p')
    const name = document.createElement('b')
    name.textContent = event.event
    name.className = event.level
    line.append(name, ` ${event.msg}`)
    return line
  })
  const more = document.createElement('p')
  more.textContent = `and ${near.length - lines.length} more`
  told.replaceChildren(...lines, ...(near.length > lines.length ? [more] : []))
  const left = chart.cursor.left ?? 0
  told.classList.toggle('right', left > chart.over.clientWidth / 2)
}

/** Charts are made when they come into view: a log of two hundred processes opens as fast as one of two. */
function showCharts(): void {
  const charts = new Map<HTMLElement, uPlot>()
  const processOf = (place: HTMLElement) => report.processes[Number(place.dataset.process)]
  const make = (place: HTMLElement) => {
    const process = processOf(place)
    if (process !== undefined) charts.set(place, makeChart(place, process))
  }
  const seen = new IntersectionObserver(
    entries => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue
        seen.unobserve(target)
        make(target as HTMLElement)
      }
    },
    { rootMargin: '400px' },
  )
  const sized = new ResizeObserver(entries => {
    for (const { target } of entries)
      charts.get(target as HTMLElement)?.setSize({ width: (target as HTMLElement).clientWidth, height: HEIGHT })
  })
  for (const place of document.querySelectorAll<HTMLElement>('.chart')) {
    if (report.processes.length <= AT_ONCE) make(place)
    else seen.observe(place)
    sized.observe(place)
  }
  // Colours are in the canvas, so another theme is another drawing.
  dark.addEventListener('change', () => {
    for (const [place, chart] of charts) {
      chart.destroy()
      make(place)
    }
  })
  document.addEventListener('click', ({ target }) => pointAt(target, charts))
}

/** A click on an event's line puts the cursor there. */
function pointAt(target: EventTarget | null, charts: ReadonlyMap<HTMLElement, uPlot>): void {
  const row = target instanceof Element ? target.closest<HTMLElement>('tr[data-at]') : null
  const place = row?.closest('section')?.querySelector<HTMLElement>('.chart')
  const chart = place ? charts.get(place) : undefined
  if (!row || !place || !chart) return
  place.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
  chart.setCursor({ left: chart.valToPos(Number(row.dataset.at) / 1000, 'x'), top: 20 })
}

showCharts()
