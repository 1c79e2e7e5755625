// The chart of one process in a terminal.
import type { Colors } from 'picocolors/types.js'
import { Braille, within } from './braille.ts'
import type { ProcessReport, ReportEvent } from './document.ts'
import type { Column } from './points.ts'
import { isOfDays, moment } from './time.ts'

interface Curve {
  readonly column: Column
  readonly name: string
  readonly isLimit: boolean
  readonly paint: (paint: Colors) => (text: string) => string
}

/** In the order they are drawn: a later one covers an earlier one. */
const CURVES: readonly Curve[] = [
  { column: 'containerMemoryMB', name: 'container limit', isLimit: true, paint: paint => paint.red },
  { column: 'heapCeilingMB', name: 'heap ceiling', isLimit: true, paint: paint => paint.green },
  { column: 'containerMB', name: 'working set', isLimit: false, paint: paint => paint.magenta },
  { column: 'rssMB', name: 'RSS', isLimit: false, paint: paint => paint.yellow },
  { column: 'heapUsedMB', name: 'heap', isLimit: false, paint: paint => paint.green },
]

const ROWS = 12
const TICKS = 3
const AXIS = 8
const LABELS = 24
/** A limit that far above all that was used would press the curves flat. */
const MOST_ABOVE = 3

/** The marks of events below the axis; what is more serious covers what is less. */
export const markOf = ({ event, level, rung }: ReportEvent): string | undefined => {
  if (event === 'heap-validated') return '┬'
  if (event === 'shutdown') return '┴'
  if (event === 'signal' || event === 'draining') return 's'
  if (event === 'pressure-eased') return '▽'
  if (level === 'error' || rung === 'critical') return '✖'
  if (level === 'warn') return '▲'
  return '·'
}
const SERIOUS = ['·', '▽', '┬', '┴', 's', '▲', '✖']

type Values = readonly (number | null)[]
const known = (values: Values): number[] => values.filter(value => value !== null)
const lastOf = (values: Values): number | undefined => known(values).pop()

/** Lines of text, at most `columns` wide; none where there are fewer than two samples. */
export function chart(process: ProcessReport, columns: number, paint: Colors): string[] {
  const { series } = process
  const times = known(series.timeMs)
  const fromMs = times[0]
  const toMs = times[times.length - 1]
  if (times.length < 2 || fromMs === undefined || toMs === undefined || toMs <= fromMs) return []
  const canvas = new Braille(Math.max(20, Math.min(columns, 160) - AXIS - LABELS), ROWS)
  const used = Math.max(...CURVES.filter(curve => !curve.isLimit).flatMap(({ column }) => known(series[column])))
  const shown = CURVES.filter(
    ({ column, isLimit }) =>
      known(series[column]).length > 0 && (!isLimit || (lastOf(series[column]) ?? 0) <= used * MOST_ABOVE),
  )
  const topMB = niceTop(Math.max(...shown.flatMap(({ column }) => known(series[column]))))
  // A log may name any time between two others.
  const x = (ms: number) => within(Math.round(((ms - fromMs) / (toMs - fromMs)) * (canvas.width - 1)), canvas.width)
  const y = (mb: number) => within(Math.round((1 - mb / topMB) * (canvas.height - 1)), canvas.height)
  for (const [owner, { column, isLimit }] of shown.entries()) {
    let before: readonly [number, number] | undefined
    for (const [index, ms] of series.timeMs.entries()) {
      const mb = series[column][index]
      if (ms === null || mb === null || mb === undefined) continue
      const here = [x(ms), y(mb)] as const
      if (isLimit) dashes(canvas, before ?? here, here, owner)
      else canvas.line(...(before ?? here), ...here, owner)
      before = here
    }
  }
  const curve = (owner: number) => shown[owner]
  const rows = canvas.lines((text, owner) => curve(owner)?.paint(paint)(text) ?? text)
  const labels = labelsFor(
    shown.map(({ column, name, paint: color }) => {
      const mb = lastOf(series[column]) ?? 0
      return { row: Math.min(ROWS - 1, y(mb) >> 2), text: color(paint)(`${name} ${Math.round(mb)}`) }
    }),
  )
  const lines = rows.map((row, index) => `${tick(index, topMB)}${row} ${labels[index] ?? ''}`.trimEnd())
  lines.push(`${' '.repeat(AXIS - 2)}0 └${'─'.repeat(canvas.columns - 1)}`)
  lines.push(`${' '.repeat(AXIS)}${marks(process.events, ms => x(ms) >> 1, canvas.columns, paint)}`.trimEnd())
  const withDay = isOfDays(fromMs, toMs)
  const [start, end] = [moment(fromMs, withDay), moment(toMs, withDay)]
  lines.push(`${' '.repeat(AXIS)}${start}${' '.repeat(Math.max(1, canvas.columns - start.length - end.length))}${end}`)
  const above = CURVES.filter(({ column, isLimit }) => isLimit && lastOf(series[column]) !== undefined).filter(
    one => !shown.includes(one),
  )
  for (const { column, name } of above)
    lines.push(paint.dim(`${' '.repeat(AXIS)}${name} ${lastOf(series[column])} MB is far above the chart`))
  return lines
}

function dashes(canvas: Braille, [fromX]: readonly [number, number], to: readonly [number, number], owner: number) {
  for (let at = fromX; at <= to[0]; at++) if (at % 4 < 2) canvas.dot(at, to[1], owner)
}

/** Three round steps, one for each labelled row, that reach a little above the highest. */
function niceTop(mb: number): number {
  const leastStep = (mb * 1.02) / TICKS
  const power = 10 ** Math.floor(Math.log10(Math.max(leastStep, 1)))
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5].find(factor => factor * power >= leastStep) ?? 10
  return factor * power * TICKS
}

const tick = (row: number, topMB: number): string =>
  row % (ROWS / TICKS) === 0
    ? `${String(Math.round(topMB * (1 - row / ROWS))).padStart(AXIS - 2)} ┤`
    : `${' '.repeat(AXIS - 1)}│`

interface Label {
  readonly row: number
  readonly text: string
}

/** One label a row, each as near to its own as the others let it. */
function labelsFor(labels: readonly Label[]): (string | undefined)[] {
  const rows: (string | undefined)[] = Array.from({ length: ROWS })
  for (const { row, text } of [...labels].sort((a, b) => a.row - b.row)) {
    const near = Array.from({ length: ROWS }, (_, at) => at).sort((a, b) => Math.abs(a - row) - Math.abs(b - row))
    const free = near.find(at => rows[at] === undefined)
    if (free !== undefined) rows[free] = text
  }
  return rows
}

function marks(events: readonly ReportEvent[], column: (ms: number) => number, columns: number, paint: Colors): string {
  const cells: string[] = Array.from({ length: columns }, () => ' ')
  for (const event of events) {
    const at = column(event.timeMs)
    const mark = markOf(event)
    if (mark !== undefined && SERIOUS.indexOf(mark) > SERIOUS.indexOf(cells[at] ?? ' ')) cells[at] = mark
  }
  const color = (cell: string) => (cell === '✖' ? paint.red(cell) : cell === '▲' ? paint.yellow(cell) : cell)
  return cells.map(color).join('')
}
