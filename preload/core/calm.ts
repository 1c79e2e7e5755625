// Whether a glance is enough: the few numbers of a calm pulse, and what makes it worth a look at all the rest.
import type { LadderState } from './ladder.ts'
import type { Bytes, Millis } from './units.ts'

/** What a calm pulse reads. */
export interface Glance {
  /** All of V8's heap that is in use. */
  readonly heapUsedBytes: Bytes
  /** Major collections that were noticed so far. */
  readonly majorCollections: number
  /** The group's usage; undefined: there is no group, or it cannot be read. */
  readonly usageBytes: Bytes | undefined
  readonly uptimeMs: Millis
}

/** Up to a third of a limit nothing is judged: no rung, no climb, no profile is near. */
export const CALM_SHARE = 1 / 3
/** A limit is further away than so many glances at the growth since the last one: see LOOKS_LEFT in pace.ts. */
const GLANCES_LEFT = 12

/**
 * Whether step() would say nothing of this moment and the pace would stay: far below both limits, nothing collected,
 * nothing that grows fast. `limitBytes` undefined: the container is not judged.
 */
export function isCalm(state: LadderState, limitBytes: Bytes | undefined, before: Glance, now: Glance): boolean {
  const { heap, container, floors, majorCollections, isProfiling } = state
  const { ceilingBytes } = state.limits
  const last = floors.at(-1)
  return (
    heap.rung === undefined &&
    container.rung === undefined &&
    !isProfiling &&
    now.majorCollections === majorCollections &&
    // Less than the last collection left: there was one that was not noticed yet.
    (last === undefined || now.heapUsedBytes >= last.value) &&
    isFar(ceilingBytes, before.heapUsedBytes, now.heapUsedBytes) &&
    (limitBytes === undefined || isFar(limitBytes, before.usageBytes, now.usageBytes))
  )
}

const isFar = (limit: Bytes, was: Bytes | undefined, is: Bytes | undefined): boolean =>
  was !== undefined && is !== undefined && is < limit * CALM_SHARE && limit - is > GLANCES_LEFT * (is - was)
