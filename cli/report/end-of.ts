// What is known of how a process ends, record by record.
import type { PreviousDeath, ProcessEnd } from './document.ts'
import { type LogRecord, numberIn, textIn } from './find-record.ts'

/** Follows what the records of one process say of its end. */
export class EndOf {
  #end: ProcessEnd = { kind: 'no-last-line' }
  readonly #pressed = new Set<string>()
  #isDraining = false
  #signal: string | undefined
  #containerRatio: number | undefined
  #death: PreviousDeath | undefined

  /** Did it end in a way that the log itself tells? */
  get isKnown(): boolean {
    return this.#end.kind !== 'no-last-line'
  }

  /** Does nothing at all tell how it ended, no later start either? */
  get isUnexplained(): boolean {
    return !this.isKnown && this.#death === undefined
  }

  /** Is there pressure on it that has not eased? */
  isPressedOn(resource: string): boolean {
    return this.#pressed.has(resource)
  }

  /** One record of this process; `isSample`: it says what the process held at its time. */
  add(record: LogRecord, isSample: boolean): void {
    if (isSample) this.#containerRatio = numberIn(record, 'containerRatio')
    const resource = textIn(record, 'resource') ?? 'memory'
    // Whoever goes on speaking was not the one that V8 ended. Only the watchdog's thread may still say that the heap is
    // full while V8 ends the process.
    if (this.#end.kind === 'v8-heap-limit' && !(record.event === 'pressure' && resource === 'heap'))
      this.#end = { kind: 'no-last-line' }
    switch (record.event) {
      case 'shutdown':
        this.#end = {
          kind: 'exit',
          exitCode: numberIn(record, 'exitCode') ?? 0,
          uncaught: record.reason === 'uncaught',
        }
        return
      case 'draining':
        this.#isDraining = true
        return
      case 'signal':
        // The one that the guard sent itself stops nobody from outside.
        if (!this.#isDraining) this.#signal = textIn(record, 'signal')
        return
      case 'pressure':
        this.#pressed.add(resource)
        return
      case 'pressure-eased':
        this.#pressed.delete(resource)
        // It is newer than the last sample, which was taken when there was danger still.
        if (resource !== 'heap') this.#containerRatio = undefined
        return
      case 'limit-changed':
        // A share of another limit.
        this.#containerRatio = undefined
    }
  }

  /** V8's own last words. */
  diedOfHeap(msg: string): void {
    this.#end = { kind: 'v8-heap-limit', msg }
  }

  /** What the next start says of it. */
  explain(death: PreviousDeath): void {
    this.#death = death
  }

  /** All that is known so far. */
  end(): ProcessEnd {
    if (this.isKnown) return this.#end
    const pressed = [...this.#pressed].join(' and ')
    return {
      kind: 'no-last-line',
      ...(pressed === '' ? {} : { pressed }),
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
      ...(this.#containerRatio === undefined ? {} : { containerRatio: this.#containerRatio }),
      ...(this.#death === undefined ? {} : { death: this.#death }),
    }
  }
}
