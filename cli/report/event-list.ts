// The events of one process, in bounded memory.
import type { ReportEvent } from './document.ts'

/** More than that: the first and the last of them are kept. */
const MOST_EVENTS = 1000

/** Keeps the first and the last events. */
export class EventList {
  readonly #first: ReportEvent[] = []
  #last: ReportEvent[] = []
  #taken = 0
  #alarms = 0

  get taken(): number {
    return this.#taken
  }

  /** Warnings and errors, the boot line's aside. */
  get alarms(): number {
    return this.#alarms
  }

  get omitted(): number {
    return this.#taken - this.#first.length - this.#last.length
  }

  add(event: ReportEvent): void {
    this.#taken++
    if (event.level !== 'info' && event.event !== 'heap-validated') this.#alarms++
    if (this.#first.length < MOST_EVENTS / 2) this.#first.push(event)
    else this.#last = [...this.#last.slice(1 - MOST_EVENTS / 2), event]
  }

  /** Those that were kept, each `laterMs` after its own time. */
  events(laterMs: number): readonly ReportEvent[] {
    return [...this.#first, ...this.#last].map(event => ({ ...event, timeMs: event.timeMs + laterMs }))
  }
}
