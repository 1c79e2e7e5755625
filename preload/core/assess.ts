// The judgement: do the heap's limit and the container's fit each other?
import type { HeapBudget } from './budget.ts'
import { NOT_HEAP_LEAST_MB } from './remedy.ts'
import { type Bytes, bytes, mbToBytes } from './units.ts'

export { NOT_HEAP_LEAST_MB, type Remedy, type RemedyFacts, remedyFor } from './remedy.ts'

/** How the heap's limit stands to the container's memory. */
export type Verdict =
  | { readonly kind: 'fits'; readonly spareBytes: Bytes }
  | { readonly kind: 'exceeds'; readonly overBytes: Bytes }
  | { readonly kind: 'tight'; readonly spareBytes: Bytes; readonly neededBytes: Bytes }
  | { readonly kind: 'low'; readonly usableBytes: Bytes }

/**
 * Judges V8's whole heap limit against the container. `exceeds` above warnPercent (1-100) of the container; exactly at
 * it still fits; overBytes is what it is above that line, rounded up. `tight`: less than 64 MB for each of `isolates`
 * are left outside the heap. `low`: less than half of the container, by V8's own choice. spareBytes is the container
 * less the heap limit. An assumed container is only ever exceeded: what is left of a number that nobody gave, or how
 * much of it is used, says nothing. Never throws.
 */
export function verdictOf(budget: HeapBudget, warnPercent: number, isolates = 1): Verdict {
  const { heapLimitBytes, container, ceiling } = budget
  const line = container.bytes * warnPercent
  if (heapLimitBytes * 100 > line) {
    return { kind: 'exceeds', overBytes: bytes(heapLimitBytes - Math.floor(line / 100)) }
  }
  const spareBytes = bytes(container.bytes - heapLimitBytes)
  const neededBytes = mbToBytes(NOT_HEAP_LEAST_MB * isolates)
  if (container.source === 'default') return { kind: 'fits', spareBytes }
  if (spareBytes < neededBytes) return { kind: 'tight', spareBytes, neededBytes }
  const isV8sChoice = ceiling.source === 'heap-size-limit'
  return isV8sChoice && heapLimitBytes * 2 < container.bytes
    ? { kind: 'low', usableBytes: heapLimitBytes }
    : { kind: 'fits', spareBytes }
}
