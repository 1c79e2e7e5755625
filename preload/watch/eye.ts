// Takes the samples: a glance while all is calm, else all that can be read; keeps what a climb is judged by.
import { type Glance, isCalm } from '../core/calm.ts'
import { type Look, lookAt } from '../core/cause.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import { containerUsed, type LadderState, type Levels } from '../core/ladder.ts'
import type { Sample } from '../core/sample.ts'
import { remember } from '../core/trend.ts'
import { type Bytes, bytes } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import { openSampler } from '../host/sampler.ts'

export interface Eye {
  /** A few numbers, and whether they are enough; undefined: they are not, or too many looks have been glances. */
  readonly glance: (
    state: LadderState,
    limitBytes: Bytes | undefined,
    group: MemoryGroup | undefined,
    mostInARow: number,
  ) => Glance | undefined
  /** One whole sample. */
  readonly look: (group: MemoryGroup | undefined) => Sample
  /** A whole sample aside, which no climb is judged by. */
  readonly aside: (group: MemoryGroup | undefined) => Sample
  /** V8's old generation now. */
  readonly oldSpace: () => Bytes
  /** The levels before the last sample: those of the sample, or the glance, a pulse or two before it. */
  readonly before: () => Levels | undefined
  /** The looks of this climb. */
  readonly history: () => readonly Look[]
  /** Whether the last sample was half-way to a limit, or a rung is reached. */
  readonly isNear: (state: LadderState, limitBytes: Bytes | undefined) => boolean
}

/** Usage is at least what of it is held: growth from there on is at most underestimated, by what is page cache. */
const levelsOf = ({ heapUsedBytes: heapUsed, usageBytes: usage, uptimeMs }: Glance): Levels => ({
  memory: { heapUsed, rss: usage ?? bytes(0) },
  container: usage === undefined ? {} : { usageBytes: usage },
  uptimeMs,
})

/** Half-way to a limit it is noted who else is there. */
const NEAR_SHARE = 0.5

/** Nothing is looked at yet. `onCollected`: V8 has just ended a major collection. */
export function openEye(host: Host, onCollected: () => void): Eye {
  const sampler = openSampler(host, onCollected)
  let glances = 0
  let glanced: Glance | undefined
  let before: Levels | undefined
  let sinceLast: Glance | undefined
  let last: Sample | undefined
  let history: readonly Look[] = []
  let folder: string | undefined

  return {
    glance: (state, limitBytes, group, mostInARow) => {
      if (++glances > mostInARow || last === undefined) return undefined
      const was = glanced
      glanced = sampler.glance(group)
      // Not this one: a look that follows in the same moment would tell growth over next to no time.
      if (was !== undefined && was.uptimeMs > last.uptimeMs) sinceLast = was
      return was !== undefined && isCalm(state, limitBytes, was, glanced) ? glanced : undefined
    },
    look: group => {
      glances = 0
      if (group?.folder !== folder) {
        // The limit has moved to another level, which held more or less than this one all along: that is no growth.
        folder = group?.folder
        glanced = last = sinceLast = undefined
        history = []
      }
      before = sinceLast === undefined ? last : levelsOf(sinceLast)
      sinceLast = undefined
      last = sampler.whole(group)
      history = remember(history, lookAt(last, last.uptimeMs))
      return last
    },
    aside: sampler.whole,
    oldSpace: sampler.oldSpace,
    before: () => before,
    history: () => history,
    isNear: (state, limitBytes) =>
      state.heap.rung !== undefined ||
      state.container.rung !== undefined ||
      (last !== undefined &&
        (last.oldSpaceBytes >= state.limits.ceilingBytes * NEAR_SHARE ||
          (limitBytes !== undefined && containerUsed(last) >= limitBytes * NEAR_SHARE))),
  }
}
