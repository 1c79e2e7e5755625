// A process of another container: a fresh node here sees other memory than that process saw.
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import { readOldSpaceLimit } from '../../preload/core/flags.ts'
import { youngGenerationMB } from '../../preload/core/heap-size.ts'
import { bytes, bytesToMB, mbToBytes } from '../../preload/core/units.ts'
import type { Answer } from './ask-node.ts'
import { parseNodeOptions } from './options.ts'
import type { Subject } from './subject.ts'

/**
 * The answer as a node in the subject's own group would give it. With a flag for the old space what V8 adds is measured
 * per version and size; without one V8's choice is not known from outside, and so `failed`.
 */
export function inItsGroup(answer: Answer, subject: Subject, limit: ContainerLimit): Answer {
  if (answer.kind !== 'told' || subject.sharesGroup) return answer
  const { nodeVersion, hasExecve } = answer
  const { nodeOptions, commandLine } = subject
  const seenBytes = limit.kind === 'limited' ? limit.limitBytes : undefined
  const execArgv = commandLine.options.flatMap(option => option.words)
  const oldSpace = readOldSpaceLimit({ execArgv, nodeOptions, nodeVersion, memoryNodeSeesBytes: seenBytes })
  if (oldSpace.kind === 'none' || oldSpace.source === 'max-heap-size')
    return {
      kind: 'failed',
      reason: 'it lives in another container, where V8 chose by the memory there: run this inside (docker exec)',
    }
  const all = [...parseNodeOptions(nodeOptions).options, ...commandLine.options]
  const semiSpaceMB = Number(all.filter(({ name }) => name === '--max-semi-space-size').pop()?.value ?? 0)
  const seenMB = seenBytes === undefined ? Number.POSITIVE_INFINITY : bytesToMB(seenBytes)
  const youngMB = semiSpaceMB > 0 ? semiSpaceMB * 3 : youngGenerationMB(seenMB, nodeVersion)
  const heapLimitBytes = bytes(oldSpace.limitBytes + mbToBytes(youngMB))
  return { kind: 'told', heapLimitBytes, constrained: seenBytes, nodeVersion, hasExecve }
}
