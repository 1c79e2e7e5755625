// The one sentence beneath the verdict.
import { roundedMB } from '../../preload/core/units.ts'
import { type Diagnosis, mayHideFlags } from './diagnosis.ts'
import type { Facts } from './facts.ts'

/** The arithmetic and what to do, or why nothing can be told. */
export function explanation(
  { answer, kernelLimit, preloads, subject }: Facts,
  { judgement, autosized }: Pick<Diagnosis, 'judgement' | 'autosized'>,
): string {
  if (answer.kind === 'failed') return `Node could not be asked: ${answer.reason}.`
  if (answer.kind === 'refused' || answer.kind === 'dies' || preloads.some(({ isThere }) => !isThere))
    return 'What keeps it from starting stands below; until that is gone no heap is of interest.'
  if (judgement === undefined) return 'See what was found below.'
  if (judgement.verdict.kind !== 'not-known')
    return mayHideFlags(subject)
      ? `Heap flags that are not seen here would win over NODE_OPTIONS. Without any: ${judgement.msg}`
      : autosized === undefined
        ? judgement.msg
        : `${judgement.msg} HEAPGUARD_AUTOSIZE starts it again with ${autosized.flags}: ${autosized.judgement.msg}`
  const why = kernelLimit.kind === 'limited' ? '' : ` (${kernelLimit.reason})`
  return `No memory limit was found${why}, so nothing says whether a heap of ${roundedMB(judgement.budget.heapLimitBytes)} MB fits. Give the container a limit (docker run -m, resources.limits.memory), or set CONTAINER_MEMORY_MB to what it has.`
}
