// A log -> what a report says of it.
import type { ReportDocument } from './document.ts'
import { findRecord } from './find-record.ts'
import { lastWordsIn } from './last-words.ts'
import { LineFinder } from './lines.ts'
import { type Heard, Order } from './order.ts'
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
  readonly #order = new Order()
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
    for (const heard of this.#order.end()) this.#hear(heard)
    return {
      log,
      records: this.#runs.records,
      omittedRecords: this.#order.omittedRecords,
      textLines: this.#textLines,
      processes: this.#runs.reports(),
      omittedProcesses: this.#runs.omitted,
    }
  }

  #line(line: string): void {
    const heard = this.#heardIn(line)
    if (heard !== undefined) for (const next of this.#order.add(heard)) this.#hear(next)
    else if (TEXT_LINE.test(line)) this.#textLines++
  }

  #heardIn(line: string): Heard | undefined {
    const found = findRecord(line)
    return found === undefined ? lastWordsIn(line) : { kind: 'record', found }
  }

  #hear(heard: Heard): void {
    switch (heard.kind) {
      case 'record':
        this.#runs.add(heard.found)
        return
      case 'fatal':
        this.#runs.diedOfHeap(this.#collectedPids.get(heard.source), heard.source, heard.msg)
        this.#collectedPids.delete(heard.source)
        return
      case 'collection':
        if (this.#collectedPids.size >= MOST_SOURCES) this.#collectedPids.clear()
        this.#collectedPids.set(heard.source, heard.pid)
    }
  }
}
