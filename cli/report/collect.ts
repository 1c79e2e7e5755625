// A log -> what a report says of it.
import type { ReportDocument } from './document.ts'
import { findRecord } from './find-record.ts'
import { type LastWords, lastWordsIn } from './last-words.ts'
import { LineFinder } from './lines.ts'
import { Runs } from './runs.ts'

/** What a line of ours, of V8's last words, or of the garbage collections before them cannot be without. */
const NEEDLES = ['heapguard', 'FATAL ERROR: ', ' ms: Mark-Compact']

/** `12:00:01Z heapguard[7] warn  a sentence`: HEAPGUARD_LOG_FORMAT=text. */
const TEXT_LINE = /\d\d:\d\d:\d\dZ heapguard\[\d+\] /

/** More names than that are none: a log that means harm. */
const MOST_SOURCES = 1000

/** Collects the pieces of one log; memory is bounded, whatever the log holds. */
export class Collector {
  readonly #finder = new LineFinder(NEEDLES)
  readonly #runs = new Runs()
  #textLines = 0
  /** The pid that V8 named last, by source: of a collection, which comes just before it gives up. */
  readonly #collectedPids = new Map<string | undefined, number>()

  add(piece: Buffer): void {
    for (const line of this.#finder.push(piece)) this.#line(line)
  }

  /** To be called once, after the last piece. */
  finish(log: string): ReportDocument {
    for (const line of this.#finder.end()) this.#line(line)
    return {
      log,
      records: this.#runs.records,
      textLines: this.#textLines,
      processes: this.#runs.reports(),
      omittedProcesses: this.#runs.omitted,
    }
  }

  #line(line: string): void {
    const found = findRecord(line)
    if (found !== undefined) this.#runs.add(found)
    else if (TEXT_LINE.test(line)) this.#textLines++
    else {
      const words = lastWordsIn(line)
      if (words !== undefined) this.#hear(words)
    }
  }

  #hear(words: LastWords): void {
    const { source } = words
    if (words.kind === 'fatal') {
      this.#runs.diedOfHeap(this.#collectedPids.get(source), source, words.msg)
      this.#collectedPids.delete(source)
      return
    }
    if (this.#collectedPids.size >= MOST_SOURCES) this.#collectedPids.clear()
    this.#collectedPids.set(source, words.pid)
  }
}
