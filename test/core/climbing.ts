// Samples in words, and what the ladder says of them.
import { type LadderEvent, type LadderLimits, type LadderState, ladderOf, step } from '../../preload/core/ladder.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import type { ContainerUsage } from '../../preload/core/usage.ts'

export const LIMITS: LadderLimits = {
  ceilingBytes: mbToBytes(100),
  containerBytes: mbToBytes(1000),
  warnPercent: 85,
  criticalPercent: 95,
}

export interface Given {
  /** MB of the old generation. */
  readonly old?: number
  /** MB that V8 has taken for it. */
  readonly taken?: number
  /** MB of the young generation. */
  readonly young?: number
  /** Major collections so far. */
  readonly majors?: number
  /** MB that the container holds. */
  readonly held?: number
  readonly rss?: number
  readonly container?: ContainerUsage
  readonly oomKill?: number
}

export const sampleOf = (given: Given, at: number): Sample => {
  const { old = 10, young = 0, majors = 0, held = 100, rss = 50, oomKill } = given
  const usageBytes = mbToBytes(held)
  return {
    memory: {
      rss: mbToBytes(rss),
      heapTotal: mbToBytes(old + young),
      heapUsed: mbToBytes(old + young),
      external: bytes(0),
      arrayBuffers: bytes(0),
    },
    heapLimitBytes: mbToBytes(103),
    oldSpaceBytes: mbToBytes(old),
    oldCapacityBytes: mbToBytes(given.taken ?? old),
    majorCollections: majors,
    container: given.container ?? { usageBytes, ...(oomKill === undefined ? {} : { events: { oomKill } }) },
    uptimeMs: millis(at),
  }
}

/** Steps through samples, one each `everyMs`; what is said, as words, with the number of the sample. */
export function run(samples: readonly Given[], { limits = LIMITS, everyMs = 1000, from = ladderOf(limits) } = {}) {
  let state: LadderState = from
  const said: string[] = []
  for (const [n, given] of samples.entries()) {
    const at = (n + 1) * everyMs
    const next = step(state, sampleOf(given, at), millis(at))
    state = next.state
    for (const event of next.events) said.push(`${n} ${words(event)}`)
  }
  return { said, state }
}

export function words(event: LadderEvent): string {
  switch (event.kind) {
    case 'pressure':
      return `${event.resource} ${event.rung}${event.isCramped ? ' cramped' : ''}`
    case 'pressure-eased':
      return `${event.resource} eased`
    case 'oom-kill':
      return `killed ${event.count}`
    case 'profile':
      return event.on ? 'profile' : 'no profile'
  }
}

export const held = (...levels: readonly number[]): Given[] => levels.map(level => ({ held: level }))
export const repeat = <T>(times: number, value: T): T[] => Array.from({ length: times }, () => value)

// Collections that leave so much, one a second.
export const floors = (...levels: readonly number[]): Given[] => levels.map((old, n) => ({ old, majors: n + 1 }))
