// A log -> what a report says of it.
import type { ReportDocument } from './document.ts'
import { findRecord } from './find-record.ts'
import { LineFinder } from './lines.ts'
import { Runs } from './runs.ts'

/** What a line of ours, of V8's last words, or of the garbage collections before them cannot be without. */
const NEEDLES = ['heapguard', 'FATAL ERROR: ', ' ms: Mark-Compact']

/** `12:00:01Z heapguard[7] warn  a sentence`: HEAPGUARD_LOG_FORMAT=text. */
const TEXT_LINE = /\d\d:\d\d:\d\dZ heapguard\[\d+\] /

/** Collects the pieces of one log; memory is bounded, whatever the log holds. */
export class Collector {
  readonly #finder = new LineFinder(NEEDLES)
  readonly #runs = new Runs()
  #textLines = 0
  /** The pid that V8 names in `[1:0x3369d000]    43838 ms: Mark-Compact …`, just before it gives up. */
  #gcPid: number | undefined

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
      const pid = /\[(\d{1,10}):0x[0-9a-f]+\] +\d+ ms: Mark-Compact/.exec(line)?.[1]
      if (pid !== undefined) this.#gcPid = Number(pid)
      const words = /FATAL ERROR: (.{0,200})/.exec(line)?.[1]
      if (words !== undefined && /heap|memory/i.test(words)) this.#runs.diedOfHeap(this.#gcPid, words)
    }
  }
}
