// A process whose clock was set, or another process? One record alone does not tell.
import { type FoundRecord, numberIn } from './find-record.ts'
import { SAME_START_MS, startOf } from './process-clock.ts'
import type { Run } from './run.ts'

interface Held {
  /** The process that it would go on. */
  readonly run: Run
  readonly found: FoundRecord
}

/**
 * Holds the first record whose start is nobody's, though its uptime would be the next of a process that is there. If
 * that process speaks again by its old clock they are two; until then they are one, whose clock was set.
 */
export class ClockSteps {
  #held: readonly Held[] = []

  /** Holds the record if it may go on one of these. */
  hold(found: FoundRecord, runs: readonly Run[]): boolean {
    const uptimeS = numberIn(found.record, 'uptimeS')
    const run = runs.find(
      run => uptimeS !== undefined && !run.end.isKnown && run.isRoutineHeard && run.clock.isNext(uptimeS),
    )
    if (run !== undefined) this.#held = [...this.#held, { run, found }]
    return run !== undefined
  }

  /** A second record by the new clock: adds the held one to its process, which it returns. */
  goesOn({ record, source }: FoundRecord): Run | undefined {
    const held = this.#held.find(
      ({ run, found }) =>
        run.pid === record.pid &&
        run.source === source &&
        Math.abs(startOf(found.record) - startOf(record)) <= SAME_START_MS,
    )
    if (held !== undefined) this.#settle(held)
    return held?.run
  }

  /** This process speaks by its old clock, or is tried anew: what was held for it is another's. */
  release(run: Run): readonly FoundRecord[] {
    const released = this.#held.filter(held => held.run === run)
    this.#held = this.#held.filter(held => held.run !== run)
    return released.map(({ found }) => found)
  }

  /** What is held for processes of this source goes to them, since nothing that comes can say otherwise. */
  settle(isMeant: (run: Run) => boolean): void {
    for (const held of this.#held) if (isMeant(held.run)) this.#settle(held)
  }

  #settle(held: Held): void {
    this.#held = this.#held.filter(other => other !== held)
    held.run.addStepped(held.found.record, startOf(held.found.record))
  }
}
