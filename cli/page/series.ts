// The curves of a process and what they are drawn with.
import uPlot from 'uplot'
import type { ProcessReport } from '../report/document.ts'
import type { Column } from '../report/points.ts'

interface Curve {
  readonly column: Column
  readonly label: string
  readonly color: string
  readonly isLimit?: true
  /** Drawn only when somebody asks for it in the legend. */
  readonly isAside?: true
}

const CURVES: readonly Curve[] = [
  { column: 'containerMemoryMB', label: 'container limit', color: 'container', isLimit: true },
  { column: 'heapCeilingMB', label: 'heap ceiling', color: 'heap', isLimit: true },
  { column: 'containerMB', label: 'working set', color: 'container-use' },
  { column: 'rssMB', label: 'RSS', color: 'rss' },
  { column: 'heapUsedMB', label: 'heap used', color: 'heap' },
  { column: 'heapTotalMB', label: 'heap total', color: 'heap-total', isAside: true },
  { column: 'externalMB', label: 'external', color: 'external', isAside: true },
  { column: 'arrayBuffersMB', label: 'array buffers', color: 'buffers', isAside: true },
]

/** A limit that far above all that was used would press the curves flat; the legend can still show it. */
const MOST_ABOVE = 3

/** uPlot's series, without its first (the time), and all of its data; events before or after the samples have room. */
export function seriesOf(
  { series, events }: ProcessReport,
  color: (name: string) => string,
): { readonly series: uPlot.Series[]; readonly data: uPlot.AlignedData } {
  const times = series.timeMs.map(ms => ms ?? 0)
  const moments = events.map(({ timeMs }) => timeMs)
  const early = [Math.min(...moments)].filter(ms => ms < (times[0] ?? 0))
  const late = [Math.max(...moments)].filter(ms => ms > (times[times.length - 1] ?? Number.POSITIVE_INFINITY))
  const most = (column: Column) => Math.max(0, ...series[column].map(value => value ?? 0))
  const used = Math.max(most('rssMB'), most('heapUsedMB'), most('containerMB'))
  const curves = CURVES.filter(({ column }) => series[column].some(value => value !== null))
  return {
    series: curves.map(({ column, label, color: name, isLimit, isAside }) => ({
      label,
      stroke: color(name),
      width: isLimit ? 1.5 : 2,
      show: !isAside && (!isLimit || most(column) <= used * MOST_ABOVE),
      points: { show: series.timeMs.length < 2 },
      value: (_: uPlot, value: number | null) => (value === null ? '--' : `${value.toLocaleString('en-US')} MB`),
      ...(isLimit ? { dash: [6, 4] } : {}),
      ...(isLimit && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    })),
    data: [
      [...early, ...times, ...late].map(ms => ms / 1000),
      ...curves.map(({ column }) => [...early.map(() => null), ...series[column], ...late.map(() => null)]),
    ],
  }
}
