// Events on the chart: a line down, and a mark on top that says how serious it is.
import type uPlot from 'uplot'
import type { ReportEvent } from '../report/document.ts'

/** The colour by level; an info is only a faint line. */
const colorOf = ({ level }: ReportEvent): string => (level === 'error' ? 'bad' : level === 'warn' ? 'warn' : 'muted')

const NEAR_PIXELS = 6

/** Draws all events that are in view. */
export function drawEvents(chart: uPlot, events: readonly ReportEvent[], color: (name: string) => string): void {
  const { ctx, bbox } = chart
  const pixel = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left - 6 * pixel, bbox.top, bbox.width + 12 * pixel, bbox.height)
  ctx.clip()
  for (const event of events) {
    const x = Math.round(chart.valToPos(event.timeMs / 1000, 'x', true))
    const isFaint = event.level === 'info'
    ctx.strokeStyle = ctx.fillStyle = color(colorOf(event))
    ctx.lineWidth = pixel
    ctx.globalAlpha = isFaint ? 0.5 : 0.9
    ctx.setLineDash([2 * pixel, 3 * pixel])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    const size = (isFaint ? 4 : 6) * pixel
    ctx.globalAlpha = 1
    ctx.beginPath()
    ctx.moveTo(x - size, bbox.top)
    ctx.lineTo(x + size, bbox.top)
    ctx.lineTo(x, bbox.top + size * 1.6)
    ctx.fill()
  }
  ctx.restore()
}

/** The events under the cursor, three at most. */
export function eventsNear(chart: uPlot, events: readonly ReportEvent[]): readonly ReportEvent[] {
  const { left } = chart.cursor
  if (left === undefined || left < 0) return []
  const distance = ({ timeMs }: ReportEvent) => Math.abs(chart.valToPos(timeMs / 1000, 'x') - left)
  return events.filter(event => distance(event) <= NEAR_PIXELS).slice(0, 3)
}
