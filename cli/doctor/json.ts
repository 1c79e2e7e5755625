// The diagnosis for programs: the keys are those of the records.
import { roundedMB } from '../../preload/core/units.ts'
import { type Diagnosis, toldVerdict } from './diagnosis.ts'
import { explanation } from './explanation.ts'
import type { Facts } from './facts.ts'

declare const HEAPGUARD_VERSION: string

/** One object; what is not known is absent. */
export function doctorJson(facts: Facts, diagnosis: Diagnosis): object {
  const { status, judgement, nodeOptions, tried, autosized, findings } = diagnosis
  const { answer, kernelLimit, usage, subject } = facts
  const inUse = usage?.workingSetBytes
  return {
    ...judgement?.fields,
    version: HEAPGUARD_VERSION,
    status,
    subject: subject.title,
    verdict: toldVerdict(diagnosis),
    isPid1: undefined,
    ...(judgement?.verdict.kind === 'not-known'
      ? { containerMemoryMB: undefined, heapLimitRatio: undefined, remedy: undefined }
      : {}),
    heapCeilingFlag: judgement?.oldSpaceLimit.kind === 'set' ? judgement.oldSpaceLimit.text : undefined,
    containerWorkingSetMB: inUse === undefined ? undefined : roundedMB(inUse),
    reason: answer.kind !== 'told' ? answer.reason : kernelLimit.kind !== 'limited' ? kernelLimit.reason : undefined,
    msg: explanation(facts, diagnosis),
    nodeOptions,
    triedVerdict: tried?.verdict.kind,
    triedHeapLimitMB: tried === undefined ? undefined : roundedMB(tried.budget.heapLimitBytes),
    autosizeFlags: autosized?.flags,
    autosizedVerdict: autosized?.judgement.verdict.kind,
    findings,
  }
}

/** The same where nothing was found to be judged. */
export const withoutSubject = (reason: string): object => ({
  version: HEAPGUARD_VERSION,
  status: 2,
  verdict: 'not-known',
  reason,
  findings: [],
})
