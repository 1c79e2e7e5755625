// The heap flags in force, as Node parses them.
import type { Bytes } from './units.ts'

export interface FlagFacts {
  readonly execArgv: readonly string[]
  /** NODE_OPTIONS as set. */
  readonly nodeOptions: string | undefined
  /** process.version, such as v24.21.0. */
  readonly nodeVersion: string
  /** What Node takes a percentage of: the constrained memory where that is plausible, else the machine's. */
  readonly memoryNodeSeesBytes: Bytes | undefined
}

/** The limit of V8's old space that the flags set, or `none` where V8 chooses. */
export type OldSpaceLimit =
  | {
      readonly kind: 'set'
      readonly limitBytes: Bytes
      readonly source: 'flag' | 'percentage-flag' | 'max-heap-size'
      /** The flag as written, such as --max_old_space_size=384. */
      readonly text: string
      readonly from: 'command line' | 'NODE_OPTIONS'
    }
  | { readonly kind: 'none' }

/** Placeholder until the parser lands. */
export function readOldSpaceLimit(_facts: FlagFacts): OldSpaceLimit {
  return { kind: 'none' }
}
