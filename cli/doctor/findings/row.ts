// What a finding is, and the row of a table that finds it.
import type { Facts } from '../facts.ts'

/** Something that was found, and what to do about it. */
export interface Finding {
  readonly name: string
  /** error: node would not start. */
  readonly level: 'error' | 'warn'
  readonly msg: string
  readonly remedy: string
}

export type Found = Pick<Finding, 'msg' | 'remedy'>

export interface Row {
  readonly name: string
  readonly level: Finding['level']
  /** Never throws. */
  readonly look: (facts: Facts) => Found | readonly Found[] | undefined
}

/** Names in a sentence. */
export const listed = (names: readonly string[]): string => names.join(', ')
