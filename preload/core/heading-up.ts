// Whether the heap is on its way to a limit, so that what is allocated now will be asked for.
import { share } from './heap-level.ts'
import type { Sample } from './sample.ts'
import { growthOf, type Point, timeTo } from './trend.ts'
import { type Bytes, bytes } from './units.ts'

/** Below it V8 has not yet begun to collect for want of room. */
const PROFILE_FROM_PERCENT = 40
const PROFILE_RISING_PERCENT = 75

/** What tells it. */
export interface RisingState {
  readonly limits: {
    readonly ceilingBytes: Bytes
    readonly containerBytes: Bytes | undefined
    readonly warnPercent: number
  }
  readonly floors: readonly Point[]
}

/**
 * Whether what is allocated now will be asked for: what collections leave rises steadily and is past three quarters of
 * the ceiling, or will reach the first rung within a minute (or twice the time that the rise has been seen for). A service
 * that sits at a high level is not heading up. Never throws.
 */
export function isHeapHeadingUp({ floors, limits }: RisingState, { memory }: Sample): boolean {
  const [first] = floors
  const last = floors.at(-1)
  const growth = growthOf(floors)
  if (first === undefined || last === undefined || !growth?.isSteady) return false
  const { ceilingBytes, containerBytes, warnPercent } = limits
  // Less than a hundredth is noise.
  if (last.value - first.value < ceilingBytes / 100) return false
  if (last.value >= share(PROFILE_RISING_PERCENT, ceilingBytes)) return true
  const soon = Math.max(60_000, 2 * (last.atMs - first.atMs))
  const isSoon = (limit: number, value: number): boolean => {
    const left = timeTo(limit, value, growth)
    return value >= share(PROFILE_FROM_PERCENT, bytes(limit)) && left !== undefined && left < soon
  }
  if (isSoon(share(warnPercent, ceilingBytes), last.value)) return true
  return containerBytes !== undefined && isSoon(share(warnPercent, containerBytes), memory.rss)
}
