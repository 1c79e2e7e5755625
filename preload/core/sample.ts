// One look at the process and its container.
import type { Bytes, Millis } from './units.ts'

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
  readonly container: ContainerSample
  /** Since the process started. */
  readonly uptimeMs: Millis
}

/** The container's usage as far as it is known; absent is not known. */
export interface ContainerSample {
  readonly usageBytes?: Bytes
  /** Usage without the page cache that the kernel would reclaim first. */
  readonly workingSetBytes?: Bytes
}
