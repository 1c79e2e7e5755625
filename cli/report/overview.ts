// Many processes at a glance: one line each, under the charts, where a terminal shows it first.
import type { Colors } from 'picocolors/types.js'
import { printable } from '../printable.ts'
import type { ProcessReport } from './document.ts'
import { ending } from './ending.ts'
import { isOfDays, moment } from './time.ts'

/** How a process is called: by what stands in front of its lines, and its pid. */
export const nameOf = ({ source, pid }: ProcessReport): string =>
  source === undefined ? `pid ${pid}` : `${source} pid ${pid}`

/** One line for each process, at most `columns` wide, in their order. */
export function overview(processes: readonly ProcessReport[], columns: number, paint: Colors): readonly string[] {
  const firstMs = Math.min(...processes.map(({ startMs }) => startMs))
  const lastMs = Math.max(...processes.map(process => process.lastMs))
  const withDay = isOfDays(firstMs, lastMs)
  const rows = processes.map(process => [
    printable(nameOf(process)),
    `${moment(process.startMs, withDay)} to ${moment(process.lastMs, withDay)}`,
    process.boot?.verdict === undefined ? '--' : printable(process.boot.verdict),
    process.peaks.rssMB === undefined ? '--' : `${process.peaks.rssMB} MB`,
    process.alarms.toLocaleString('en-US'),
  ])
  const head = ['process', 'UTC', 'verdict', 'most RSS', 'alarms']
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map(row => row[at]?.length ?? 0)))
  const line = (cells: readonly string[], end: string) => {
    const start = cells.map((cell, at) => (at < 3 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
    return clipped(`${start.join('  ')}  ${end}`, columns)
  }
  return [
    paint.dim(line(head, 'end')),
    ...rows.map((cells, at) => {
      const process = processes[at]
      const end = process === undefined ? { short: '', isBad: false } : ending(process.end)
      const text = line(cells, printable(end.short))
      return end.isBad ? paint.red(text) : text
    }),
  ]
}

const clipped = (text: string, columns: number): string => {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join('')}…`
}
