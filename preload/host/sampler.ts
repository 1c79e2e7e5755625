// One look: the process through Node, the container through the kernel's files.
import type { HeapBudget } from '../core/budget.ts'
import type { Sample } from '../core/sample.ts'
import { bytes } from '../core/units.ts'
import { readUsage, type UsageDepth } from '../core/usage.ts'
import type { Host } from './host.ts'

/** Usage and working set at any level of usage: what a `memory` line says. */
const FOR_A_LINE: UsageDepth = { kind: 'calm', belowBytes: bytes(0) }

/** Takes the sample that a `memory` line shows. Throws only what process.memoryUsage or V8 throws. */
export function takeSample(host: Host, { kernelLimit: { group } }: HeapBudget): Sample {
  return {
    memory: host.memory(),
    heapLimitBytes: host.heapLimit(),
    container: group === undefined ? {} : readUsage(host.readText, group, FOR_A_LINE),
    uptimeMs: host.uptime(),
  }
}
