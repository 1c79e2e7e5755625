// What failed in the output of a test run (TAP, subtests indented), short enough to be repeated at its end.

/** So much is kept of one run; where that is full, the names of further failures, up to the second number. */
const MAX_LINES = 120
const MAX_LINES_WITH_NAMES = 240
/** And of one failure's diagnostics, and of the end of a run that failed without a failing test. */
const MAX_LINES_EACH = 30
const LAST_LINES = 15

/** Is shown the lines of one run in order; `lines()` says what failed, each failure under the subtests it is in. */
export class Failures {
  #kept = []
  #leftOut = 0
  #last = []
  /** The open subtests, the outermost first. */
  #path = []
  /** The indentation of the failure whose diagnostics follow, and how many of these lines were kept. */
  #failure

  see(line) {
    this.#last.push(line)
    if (this.#last.length > LAST_LINES) this.#last.shift()
    const depth = line.length - line.trimStart().length
    const text = line.trim()
    const subtest = /^# Subtest: (.*)$/.exec(text)
    if (subtest !== null) {
      this.#closeFrom(depth)
      this.#path.push({ depth, name: subtest[1] })
    }
    if (/^not ok\b/.test(text) && !/ # (todo|skip)\b/i.test(text)) {
      // A subtest's own closing line stands at the depth of its opening one.
      this.#closeFrom(depth)
      const names = this.#path.map(({ name }) => `${name} > `).join('')
      this.#failure = { depth, lines: 0 }
      this.#keep(`${names}${text}`, MAX_LINES_WITH_NAMES)
    } else if (this.#failure !== undefined && text !== '') {
      const isDiagnostics = depth > this.#failure.depth
      if (isDiagnostics && ++this.#failure.lines <= MAX_LINES_EACH)
        this.#keep(line.slice(this.#failure.depth), MAX_LINES)
      if (!isDiagnostics) this.#failure = undefined
    }
  }

  lines() {
    if (this.#kept.length === 0) return this.#last
    return this.#leftOut === 0 ? this.#kept : [...this.#kept, `... and ${this.#leftOut} lines more`]
  }

  #closeFrom(depth) {
    while ((this.#path.at(-1)?.depth ?? -1) >= depth) this.#path.pop()
  }

  #keep(line, most) {
    if (this.#kept.length < most) this.#kept.push(line)
    else this.#leftOut++
  }
}
