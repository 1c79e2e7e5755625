// The container's limit moves while the process runs (docker update, Kubernetes 1.35): the budget again.
import { budgetOf, type HeapBudget } from './budget.ts'
import type { ContainerLimit } from './cgroup.ts'
import { defaultOldSpaceMB } from './heap-size.ts'
import type { LadderLimits } from './ladder.ts'
import { type Bytes, bytesToMB, mbToBytes } from './units.ts'

/** The budget with another kernel limit. V8's own numbers stay: its limit cannot change while it runs. */
export function resized(budget: HeapBudget, kernelLimit: ContainerLimit, operatorMB: number | undefined): HeapBudget {
  const { heapLimitBytes, ceiling } = budget
  const nodeSeesBytes = memoryV8SawBytes(budget)
  const facts = { heapLimitBytes, oldSpaceLimit: { kind: 'none' }, kernelLimit, operatorMB, nodeSeesBytes } as const
  return { ...budgetOf(facts), ceiling }
}

/** The memory that V8 sized itself by: the container's, where nothing else was seen. */
export const memoryV8SawBytes = ({ nodeSeesBytes, container }: HeapBudget): Bytes => nodeSeesBytes ?? container.bytes

/**
 * Where V8 gives up, in bytes of the old generation. Where no flag says so it is heap_size_limit less the young
 * generation, which can be a tenth of it: a rung at a share of the whole would never be reached.
 */
export function oldSpaceCeiling(budget: HeapBudget): Bytes {
  const { heapLimitBytes, ceiling } = budget
  if (ceiling.source !== 'heap-size-limit') return ceiling.bytes
  const oldSpaceBytes = mbToBytes(defaultOldSpaceMB(bytesToMB(memoryV8SawBytes(budget))))
  const isLikely = oldSpaceBytes < heapLimitBytes && oldSpaceBytes >= heapLimitBytes * 0.8
  return isLikely ? oldSpaceBytes : heapLimitBytes
}

/** What the ladder's rungs are shares of. */
export const ladderLimitsOf = (
  budget: HeapBudget,
  containerBytes: Bytes | undefined,
  { warnPercent, criticalPercent }: Pick<LadderLimits, 'warnPercent' | 'criticalPercent'>,
): LadderLimits => ({ ceilingBytes: oldSpaceCeiling(budget), containerBytes, warnPercent, criticalPercent })
