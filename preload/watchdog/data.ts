// What the thread is given: plain data, since it is cloned.
import type { HeapBudget } from '../core/budget.ts'
import type { Bytes } from '../core/units.ts'
import type { DescriptorIdentity } from '../host/descriptors.ts'

/** What descriptors 1 and 2 were at boot; undefined: closed. */
export type OutputsAtBoot = readonly (DescriptorIdentity | undefined)[]

export interface WatchdogData {
  /** See openHandover. */
  readonly shared: SharedArrayBuffer
  readonly budget: HeapBudget
  /** V8's heap_size_limit in the main thread. */
  readonly heapLimitBytes: Bytes
  /** The guard's own variables and the few that a look asks for: the thread has an empty environment. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** The main thread's flight record; undefined: there is no HEAPGUARD_DIR. */
  readonly record: string | undefined
  /** When the thread starts, the app may have closed one and opened a file of its own that got the number. */
  readonly outputsAtBoot: OutputsAtBoot
  /** Where the guard's files are. */
  readonly folder: string
}
