// The advice: which heap flags would fit, or that only a larger container does.
import type { Verdict } from './assess.ts'
import type { HeapBudget } from './budget.ts'
import { defaultOldSpaceMB, youngGenerationMB } from './heap-size.ts'
import { bytesToMB } from './units.ts'

/** The heap flags to set, or why no flag helps. */
export type Remedy =
  | { readonly kind: 'flags'; readonly flags: string; readonly oldSpaceMB: number }
  | { readonly kind: 'larger-container'; readonly leastMB: number }
  | { readonly kind: 'none' }

export interface RemedyFacts {
  readonly nodeVersion: string
  readonly warnPercent: number
  /** How many isolates and processes share the container, this one included; 1 unless more can be counted. */
  readonly isolates?: number
  /** The share of the container that the old space is to have at most; 75 unless the operator says otherwise. */
  readonly heapPercent?: number
  /** The least old space, in MB, that is worth setting, in a container of any size; 64, and 160 of container, by default. */
  readonly leastOldSpaceMB?: number
}

/**
 * What everything that is not heap needs at least, per isolate and process, in MB: code, stacks, buffers, the
 * allocator's own. Measured: RSS when V8 gives up is the heap and 55 to 65 MB more, on every major.
 */
export const NOT_HEAP_LEAST_MB = 64

/** Below this many MB of container there is no heap worth having beside NOT_HEAP_LEAST_MB; then only more memory helps. */
export const CONTAINER_LEAST_MB = 160

/** The least old space, in MB, that is still advice: below it a larger container is named. Chosen, not measured. */
const OLD_SPACE_LEAST_MB = 64

/** The same where HEAPGUARD_AUTOSIZE sets it: below it Node itself has hardly room. Chosen, not measured. */
export const LEAST_AUTOSIZED_MB = 32

/** The old space's share of the container where nothing else binds: it leaves room for the young generation below 85 %. */
const HEAP_PERCENT = 75

/**
 * The heap flags that give `fits` when they stand in the place of those that are set, every one of which Node takes in
 * NODE_OPTIONS since 20. One flag, unless V8 adds more to it than it would in a container of this size, because it sees
 * more memory than that; then the semi-space is set to what V8 itself would choose. For `low`, flags that raise the
 * limit, or none where the warn line forbids it. Never throws.
 */
export function remedyFor(budget: HeapBudget, verdict: Verdict, facts: RemedyFacts): Remedy {
  if (verdict.kind === 'fits') return { kind: 'none' }
  const containerMB = bytesToMB(budget.container.bytes)
  const addedMB = youngNowMB(budget)
  const usualMB = Math.min(addedMB, youngGenerationMB(containerMB, facts.nodeVersion))
  const oldSpaceMB = bestOldSpaceMB(containerMB, usualMB, facts)
  if (verdict.kind === 'low' && oldSpaceMB + usualMB <= bytesToMB(verdict.usableBytes)) return { kind: 'none' }
  const { leastOldSpaceMB } = facts
  const isTooSmall =
    leastOldSpaceMB === undefined
      ? containerMB < CONTAINER_LEAST_MB || oldSpaceMB < OLD_SPACE_LEAST_MB
      : oldSpaceMB < leastOldSpaceMB
  if (isTooSmall) return largerContainer(containerMB, facts)
  const isOneFlagEnough = bestOldSpaceMB(containerMB, addedMB, facts) === oldSpaceMB
  const pin = isOneFlagEnough ? '' : ` --max-semi-space-size=${usualMB / 3}`
  return { kind: 'flags', flags: `--max-old-space-size=${oldSpaceMB}${pin}`, oldSpaceMB }
}

/** The old space in whole, even MB that keeps 75 %, the warn line and 64 MB for the rest; below 0 where nothing does. */
function bestOldSpaceMB(containerMB: number, youngMB: number, facts: RemedyFacts): number {
  const { warnPercent, isolates = 1, heapPercent = HEAP_PERCENT } = facts
  const mb = Math.min(
    (containerMB * heapPercent) / 100,
    containerMB - NOT_HEAP_LEAST_MB * isolates - youngMB,
    (containerMB * warnPercent) / 100 - youngMB,
  )
  return Math.floor(mb / 2) * 2
}

/**
 * The young generation that V8 adds here and now, read off the live limit so that it holds for any version and any
 * --max-semi-space-size; Infinity where it cannot be told, which makes the remedy set the semi-space.
 */
function youngNowMB({ heapLimitBytes, ceiling, container, nodeSeesBytes }: HeapBudget): number {
  if (ceiling.source === 'max-heap-size') return Number.POSITIVE_INFINITY
  const oldSpaceMB =
    ceiling.source === 'heap-size-limit'
      ? defaultOldSpaceMB(bytesToMB(nodeSeesBytes ?? container.bytes))
      : bytesToMB(ceiling.bytes)
  const youngMB = bytesToMB(heapLimitBytes) - oldSpaceMB
  return youngMB < 0 ? Number.POSITIVE_INFINITY : youngMB
}

function largerContainer(containerMB: number, facts: RemedyFacts): Remedy {
  let leastMB = CONTAINER_LEAST_MB
  while (
    leastMB <= containerMB ||
    bestOldSpaceMB(leastMB, youngGenerationMB(leastMB, facts.nodeVersion), facts) < OLD_SPACE_LEAST_MB
  )
    leastMB += 32
  return { kind: 'larger-container', leastMB }
}
