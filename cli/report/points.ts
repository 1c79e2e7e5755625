// What a chart shows of one process, in bounded memory: when it is full, each two neighbours become one.

/** The columns of a point besides its time, in MB. */
export const COLUMNS = [
  'rssMB',
  'heapTotalMB',
  'heapUsedMB',
  'externalMB',
  'arrayBuffersMB',
  'containerMB',
  'heapCeilingMB',
  'containerMemoryMB',
] as const
export type Column = (typeof COLUMNS)[number]

/** NaN where a value is not known. */
export type Point = Readonly<Record<Column, number>> & { readonly timeMs: number }

/** Series of equal length; null where a value is not known. */
export type Series = Readonly<Record<Column | 'timeMs', readonly (number | null)[]>>

/**
 * At most `most` points (even). A merged point has the first time and the highest of each value, since it is the peaks
 * that kill; the newest point is always exact.
 */
export class Points {
  readonly #most: number
  #points: Point[] = []
  #newest: Point | undefined
  /** How many points one of the stored ones stands for. */
  #share = 1
  #pending: Point[] = []
  #taken = 0

  constructor(most = 2000) {
    this.#most = most
  }

  /** How many were added. */
  get taken(): number {
    return this.#taken
  }

  /** How many one point of the series stands for. */
  get share(): number {
    return this.#share
  }

  add(point: Point): void {
    this.#taken++
    this.#newest = point
    this.#pending.push(point)
    if (this.#pending.length < this.#share) return
    this.#points.push(highest(this.#pending))
    this.#pending = []
    if (this.#points.length < this.#most) return
    const halved: Point[] = []
    for (let at = 0; at < this.#points.length; at += 2) halved.push(highest(this.#points.slice(at, at + 2)))
    this.#points = halved
    this.#share *= 2
  }

  /** All points as columns, each `laterMs` after its own time. */
  series(laterMs = 0): Series {
    const last = this.#newest
    const points = [...this.#points, ...(this.#pending.length > 1 ? [highest(this.#pending.slice(0, -1))] : [])]
    if (last !== undefined && points[points.length - 1] !== last) points.push(last)
    const column = (name: Column) => points.map(point => (Number.isNaN(point[name]) ? null : point[name]))
    const named = COLUMNS.map(name => [name, column(name)])
    return { ...(Object.fromEntries(named) as Series), timeMs: points.map(({ timeMs }) => timeMs + laterMs) }
  }
}

function highest(points: readonly Point[]): Point {
  const [first, ...others] = points
  if (first === undefined || others.length === 0) return first as Point
  const merged: Record<string, number> = { timeMs: first.timeMs }
  for (const name of COLUMNS) {
    const known = points.map(point => point[name]).filter(value => !Number.isNaN(value))
    merged[name] = known.length === 0 ? Number.NaN : Math.max(...known)
  }
  return merged as Point
}
