// One look at the process and its container.
import type { Bytes, Millis } from './units.ts'
import type { ContainerUsage } from './usage.ts'

/** What process.memoryUsage() says, in bytes. */
export interface ProcessMemory {
  readonly rss: Bytes
  readonly heapTotal: Bytes
  readonly heapUsed: Bytes
  readonly external: Bytes
  readonly arrayBuffers: Bytes
}

export interface Sample {
  readonly memory: ProcessMemory
  /** V8's live heap_size_limit. */
  readonly heapLimitBytes: Bytes
  /** V8's heap without the young generation: what the ceiling is about. */
  readonly oldSpaceBytes: Bytes
  /** What V8 has taken for it: what it cannot grow beyond the ceiling. */
  readonly oldCapacityBytes: Bytes
  /** Major collections that were noticed so far. */
  readonly majorCollections: number
  /** As far as it is known; empty where no group could be found. */
  readonly container: ContainerUsage
  /** Since the process started. */
  readonly uptimeMs: Millis
}
