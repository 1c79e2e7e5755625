// Events on the chart: a line down, and a mark on top that says how serious it is.
import type uPlot from 'uplot'
import type { ProcessReport, ReportEvent } from '../report/document.ts'

/** The colour by level; an info is only a faint line. */
const colorOf = ({ level }: ReportEvent): string => (level === 'error' ? 'bad' : level === 'warn' ? 'warn' : 'muted')

const NEAR_PIXELS = 6
/** Marks stand no closer than that: of those that would, the most serious is drawn. */
const APART_PIXELS = 7
/** More lines than that would be a fence in front of the curves. */
const MOST_LINES = 24

const LEVELS = ['info', 'warn', 'error']
const weightOf = ({ level }: ReportEvent): number => LEVELS.indexOf(level)

interface Mark {
  /** In pixels of the canvas. */
  readonly x: number
  readonly event: ReportEvent
}

/** Draws the events that are in view, and where some were left out. */
export function drawEvents(chart: uPlot, process: ProcessReport, color: (name: string) => string): void {
  const { ctx, bbox } = chart
  const pixel = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left - 6 * pixel, bbox.top, bbox.width + 12 * pixel, bbox.height)
  ctx.clip()
  drawGap(chart, process, color('muted'))
  const marks = marksIn(chart, process.events)
  const isFence = marks.length > MOST_LINES
  for (const { x, event } of marks) {
    const isFaint = weightOf(event) < 1
    ctx.strokeStyle = ctx.fillStyle = color(colorOf(event))
    ctx.lineWidth = pixel
    ctx.globalAlpha = isFence ? 0.25 : isFaint ? 0.5 : 0.9
    ctx.setLineDash([2 * pixel, 3 * pixel])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    if (!isFence || event.level === 'error') ctx.stroke()
    const size = (isFaint || isFence ? 4 : 6) * pixel
    ctx.globalAlpha = 1
    ctx.beginPath()
    ctx.moveTo(x - size, bbox.top)
    ctx.lineTo(x + size, bbox.top)
    ctx.lineTo(x, bbox.top + size * 1.6)
    ctx.fill()
  }
  ctx.restore()
}

function marksIn(chart: uPlot, events: readonly ReportEvent[]): readonly Mark[] {
  const marks: Mark[] = []
  for (const event of events) {
    const x = Math.round(chart.valToPos(event.timeMs / 1000, 'x', true))
    const last = marks[marks.length - 1]
    if (last === undefined || x - last.x >= APART_PIXELS * devicePixelRatio) marks.push({ x, event })
    else if (weightOf(event) > weightOf(last.event)) marks[marks.length - 1] = { x: last.x, event }
  }
  return marks
}

/** The first and the last events are kept: between them a band says how many were not. */
function drawGap(chart: uPlot, { events, omittedEvents }: ProcessReport, color: string): void {
  const { ctx, bbox } = chart
  const half = Math.floor(events.length / 2)
  const [before, after] = [events[half - 1], events[half]]
  if (omittedEvents === 0 || before === undefined || after === undefined) return
  const from = chart.valToPos(before.timeMs / 1000, 'x', true)
  const to = chart.valToPos(after.timeMs / 1000, 'x', true)
  const pixel = devicePixelRatio
  ctx.fillStyle = color
  ctx.globalAlpha = 0.12
  ctx.fillRect(from, bbox.top, to - from, 16 * pixel)
  ctx.globalAlpha = 1
  ctx.font = `${11 * pixel}px system-ui, sans-serif`
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  const text = `${omittedEvents.toLocaleString('en-US')} more events`
  const middle = (Math.max(from, bbox.left) + Math.min(to, bbox.left + bbox.width)) / 2
  if (to - from > 100 * pixel) ctx.fillText(text, middle, bbox.top + 8 * pixel)
}

/** The events under the cursor, the most serious first. */
export function eventsNear(chart: uPlot, events: readonly ReportEvent[]): readonly ReportEvent[] {
  const { left } = chart.cursor
  if (left === undefined || left < 0) return []
  const distance = ({ timeMs }: ReportEvent) => Math.abs(chart.valToPos(timeMs / 1000, 'x') - left)
  return events.filter(event => distance(event) <= NEAR_PIXELS).sort((a, b) => weightOf(b) - weightOf(a))
}
