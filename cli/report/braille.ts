// A canvas of braille characters: two dots across and four down in each cell of a terminal.

/** Bits of the dots of a cell, by row and column (Unicode 6.2, block U+2800). */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const

/** Draws lines; each cell remembers whose dots came last. */
export class Braille {
  readonly columns: number
  readonly rows: number
  readonly #bits: Uint8Array
  readonly #owners: Int8Array

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
    this.#bits = new Uint8Array(columns * rows)
    this.#owners = new Int8Array(columns * rows).fill(-1)
  }

  /** How many dots there are. */
  get width(): number {
    return this.columns * 2
  }

  get height(): number {
    return this.rows * 4
  }

  /** One dot, from the top left; nothing outside of the canvas. */
  dot(x: number, y: number, owner: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return
    const cell = (y >> 2) * this.columns + (x >> 1)
    this.#bits[cell] = (this.#bits[cell] ?? 0) | (DOTS[y & 3]?.[x & 1] ?? 0)
    this.#owners[cell] = owner
  }

  /** A straight line, both ends included; an end that is outside of the canvas is put on its edge. */
  line(startX: number, startY: number, endX: number, endY: number, owner: number): void {
    const [fromX, toX] = [within(startX, this.width), within(endX, this.width)]
    const [fromY, toY] = [within(startY, this.height), within(endY, this.height)]
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1)
    for (let step = 0; step <= steps; step++) {
      const at = (from: number, to: number) => Math.round(from + ((to - from) * step) / steps)
      this.dot(at(fromX, toX), at(fromY, toY), owner)
    }
  }

  /** The rows as text; `paint` colours a piece that one owner drew, -1 for what nobody did. */
  lines(paint: (text: string, owner: number) => string): string[] {
    return Array.from({ length: this.rows }, (_, row) => {
      let line = ''
      for (let at = row * this.columns, end = at + this.columns; at < end; ) {
        const owner = this.#owners[at] ?? -1
        let piece = ''
        for (; at < end && (this.#owners[at] ?? -1) === owner; at++)
          piece += owner < 0 ? ' ' : String.fromCharCode(0x2800 + (this.#bits[at] ?? 0))
        line += paint(piece, owner)
      }
      return line
    })
  }
}

/** The nearest of the dots from 0 to `count` - 1. */
export const within = (at: number, count: number): number => Math.max(0, Math.min(at, count - 1))
