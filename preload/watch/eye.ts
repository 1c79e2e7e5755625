// Takes the samples: all of the group's files where a limit is near, its usage alone where all is calm; keeps what a climb
// is judged by.
import { type Look, lookAt } from '../core/cause.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import { containerUsed, type LadderState } from '../core/ladder.ts'
import type { Sample } from '../core/sample.ts'
import { remember } from '../core/trend.ts'
import { type Bytes, bytes } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import { openSampler } from '../host/sampler.ts'

/** What a look is taken by. */
export interface Outlook {
  readonly state: LadderState
  readonly limitBytes: Bytes | undefined
  readonly group: MemoryGroup | undefined
}

export interface Eye {
  /** One sample more, with a line where that is due: then nothing in it is from before. */
  readonly look: (outlook: Outlook, isLineDue: boolean) => Sample
  /** A whole sample aside, which no climb is judged by. */
  readonly glance: (group: MemoryGroup | undefined) => Sample
  /** The sample before the last one. */
  readonly before: () => Sample | undefined
  /** The looks of this climb. */
  readonly history: () => readonly Look[]
  /** Whether the last sample was half-way to a limit, or a rung is reached. */
  readonly isNear: (outlook: Outlook) => boolean
}

/** While all is calm every so manieth look reads all of the group's files, the others its usage alone. */
const WHOLE_EACH = 20
/** Half-way to a limit every look reads all. */
const NEAR_SHARE = 0.5

/** `isOnlyWithLines`: there is no pulse, so every look is a whole one. */
export function openEye(host: Host, isOnlyWithLines: boolean): Eye {
  const takeSample = openSampler(host)
  let looks = 0
  let before: Sample | undefined
  let last: Sample | undefined
  let history: readonly Look[] = []

  const isNear = ({ state, limitBytes }: Outlook, sample: Sample | undefined): boolean =>
    sample !== undefined &&
    (state.heap.rung !== undefined ||
      state.container.rung !== undefined ||
      sample.oldSpaceBytes >= state.limits.ceilingBytes * NEAR_SHARE ||
      (limitBytes !== undefined && containerUsed(sample) >= limitBytes * NEAR_SHARE))

  /** Calm looks leave no trace, but for the last before it was no longer calm. */
  const note = (sample: Sample): void => {
    if (last !== undefined && history.at(-1)?.atMs !== last.uptimeMs)
      history = remember(history, lookAt(last, last.uptimeMs))
    history = remember(history, lookAt(sample, sample.uptimeMs))
  }

  return {
    look: (outlook, isLineDue) => {
      looks++
      const isWhole = isOnlyWithLines || looks % WHOLE_EACH === 1 || isNear(outlook, last)
      const belowBytes = bytes(isLineDue ? 0 : (outlook.limitBytes ?? 0) * NEAR_SHARE)
      const sample = takeSample(outlook.group, isWhole ? { kind: 'whole' } : { kind: 'calm', belowBytes })
      if (isWhole || isNear(outlook, sample)) note(sample)
      before = last
      last = sample
      return sample
    },
    glance: group => takeSample(group, { kind: 'whole' }),
    before: () => before,
    history: () => history,
    isNear: outlook => isNear(outlook, last),
  }
}
