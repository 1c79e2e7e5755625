// Judgements: do the heap's limit and the container's fit each other, and what should be set instead.
import type { HeapBudget } from './budget.ts'
import type { Bytes } from './units.ts'

/** What everything that is not heap needs at least, per isolate and process: 64 MB. */
export type Verdict =
  | { readonly kind: 'fits'; readonly spareBytes: Bytes }
  | { readonly kind: 'exceeds'; readonly overBytes: Bytes }
  | { readonly kind: 'tight'; readonly spareBytes: Bytes; readonly neededBytes: Bytes }
  | { readonly kind: 'low'; readonly usableBytes: Bytes }

/** The heap flags to set, or why no flag helps. */
export type Remedy =
  | { readonly kind: 'flags'; readonly flags: string; readonly oldSpaceMB: number }
  | { readonly kind: 'larger-container'; readonly leastMB: number }
  | { readonly kind: 'none' }

export interface RemedyFacts {
  readonly nodeVersion: string
  readonly warnPercent: number
}

/** Placeholder. */
export function verdictOf(_budget: HeapBudget, _warnPercent: number): Verdict {
  throw new Error('not built')
}

/** Placeholder. */
export function remedyFor(_budget: HeapBudget, _verdict: Verdict, _facts: RemedyFacts): Remedy {
  throw new Error('not built')
}
