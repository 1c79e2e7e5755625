// Container, heap facts and flags brought together: every number with where it came from.
import type { ContainerLimit } from './cgroup.ts'
import type { OldSpaceLimit } from './flags.ts'
import { UNBELIEVABLE_BYTES } from './kernel-files.ts'
import { type Bytes, bytes, mbToBytes } from './units.ts'

/** What is assumed of a container whose size nothing tells. */
export const ASSUMED_CONTAINER_MB = 512

export type ContainerMemorySource = 'env' | 'cgroup-v2' | 'cgroup-v1' | 'lambda' | 'default'

/** The container's memory that the boot verdict is judged against. */
export interface ContainerMemory {
  readonly bytes: Bytes
  readonly source: ContainerMemorySource
  /** The file or variable that holds the number; absent when it is assumed. */
  readonly path?: string
}

/** Where V8 gives up: the old-space limit, else heap_size_limit. */
export interface HeapCeiling {
  readonly bytes: Bytes
  readonly source: 'flag' | 'percentage-flag' | 'max-heap-size' | 'heap-size-limit'
}

export interface HeapBudget {
  /** V8's heap_size_limit: old space plus three semi-spaces. */
  readonly heapLimitBytes: Bytes
  /** Not read of V8, but worked out by its rule; absent: read. */
  readonly heapLimitSource?: 'worked-out'
  readonly ceiling: HeapCeiling
  readonly container: ContainerMemory
  /** What the kernel itself enforces; the ladder's limit. */
  readonly kernelLimit: ContainerLimit
  /** Memory that V8 sized itself by, where it differs from the container's. */
  readonly nodeSeesBytes?: Bytes
}

export interface BudgetFacts {
  readonly heapLimitBytes: Bytes
  readonly oldSpaceLimit: OldSpaceLimit
  readonly kernelLimit: ContainerLimit
  /** CONTAINER_MEMORY_MB, already parsed. */
  readonly operatorMB: number | undefined
  readonly nodeSeesBytes: Bytes | undefined
}

/** Composes the budget; decides which number speaks for the container (operator, kernel, assumption, in this order). */
export function budgetOf(facts: BudgetFacts): HeapBudget {
  const { heapLimitBytes, oldSpaceLimit, kernelLimit, nodeSeesBytes } = facts
  const container = containerMemoryOf(facts.operatorMB, kernelLimit)
  return {
    heapLimitBytes,
    ceiling:
      oldSpaceLimit.kind === 'set'
        ? { bytes: oldSpaceLimit.limitBytes, source: oldSpaceLimit.source }
        : { bytes: heapLimitBytes, source: 'heap-size-limit' },
    container,
    kernelLimit,
    ...(nodeSeesBytes !== undefined && nodeSeesBytes !== container.bytes ? { nodeSeesBytes } : {}),
  }
}

function containerMemoryOf(operatorMB: number | undefined, kernel: ContainerLimit): ContainerMemory {
  if (operatorMB !== undefined) return { bytes: mbToBytes(operatorMB), source: 'env', path: 'CONTAINER_MEMORY_MB' }
  if (kernel.kind === 'limited') return { bytes: kernel.limitBytes, source: kernel.source, path: kernel.path }
  return { bytes: mbToBytes(ASSUMED_CONTAINER_MB), source: 'default' }
}

/** The least limit that is known: what the kernel enforces, or what the operator says; never an assumption. */
export function leastKnownLimit({ container, kernelLimit }: HeapBudget): Bytes | undefined {
  const known = container.source === 'default' ? [] : [container.bytes]
  if (kernelLimit.kind === 'limited') known.push(kernelLimit.limitBytes)
  return known.length === 0 ? undefined : (Math.min(...known) as Bytes)
}

/**
 * The memory that V8 sized itself by, as Node tells it: the constrained memory where that is below the machine's, else
 * the machine's (src/node.cc, ResourceConstraints::ConfigureDefaults). undefined where the machine's is not known.
 */
export function memoryNodeSees(constrained: number | undefined, machineBytes: Bytes): Bytes | undefined {
  if (constrained !== undefined && constrained > 0 && constrained < machineBytes) return bytes(constrained)
  return machineBytes < UNBELIEVABLE_BYTES ? machineBytes : undefined
}
