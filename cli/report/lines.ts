// The few lines of a huge log that can hold something of ours, found without decoding the rest.

/** A longer line is none of the guard's, whose own are below 4096 bytes before anybody wraps them. */
const MOST_LINE_BYTES = 65_536
const NEWLINE = 10

/**
 * Takes a log piece by piece and gives each line that holds one of the needles, in order. Keeps the last, unfinished line
 * between pieces and never more than 64 KiB of it.
 */
export class LineFinder {
  readonly #needles: readonly Buffer[]
  #rest: Buffer = Buffer.alloc(0)
  #isSkipping = false

  constructor(needles: readonly string[]) {
    this.#needles = needles.map(needle => Buffer.from(needle))
  }

  /** The lines that end in this piece. */
  push(piece: Buffer): string[] {
    let whole = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    if (this.#isSkipping) {
      const end = whole.indexOf(NEWLINE)
      if (end < 0) {
        this.#rest = Buffer.alloc(0)
        return []
      }
      whole = whole.subarray(end + 1)
      this.#isSkipping = false
    }
    const end = whole.lastIndexOf(NEWLINE) + 1
    const rest = whole.subarray(end)
    this.#isSkipping = rest.length > MOST_LINE_BYTES
    // A copy, so that a small rest does not keep a large piece alive.
    this.#rest = this.#isSkipping ? Buffer.alloc(0) : Buffer.from(rest)
    return this.#linesIn(whole.subarray(0, end))
  }

  /** The last line, where no newline ends it. */
  end(): string[] {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return this.#linesIn(rest)
  }

  #linesIn(text: Buffer): string[] {
    const lines: string[] = []
    const next = this.#needles.map(needle => text.indexOf(needle))
    for (;;) {
      const at = Math.min(...next.filter(found => found >= 0))
      if (at === Number.POSITIVE_INFINITY) return lines
      const start = text.lastIndexOf(NEWLINE, at) + 1
      const newline = text.indexOf(NEWLINE, at)
      const end = newline < 0 ? text.length : newline
      if (end - start <= MOST_LINE_BYTES) lines.push(text.toString('utf8', start, end))
      for (const [index, needle] of this.#needles.entries()) {
        const found = next[index] ?? -1
        if (found >= 0 && found < end) next[index] = text.indexOf(needle, end)
      }
    }
  }
}
