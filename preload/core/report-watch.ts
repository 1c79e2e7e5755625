// The wording of what the watch says, and of what went wrong at boot: in the second file.
import { type Remedy, type RemedyFacts, remedyFor, type Verdict } from './assess.ts'
import { type HeapBudget, leastKnownLimit } from './budget.ts'
import type { Entry, Fields } from './record.ts'
import { type Advice, mb, percent } from './report.ts'
import type { Sample } from './sample.ts'
import type { SettingProblem } from './settings.ts'
import { type Bytes, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

/** Why a heap that does not fit is a problem, and what to set. Never throws. */
export function adviceOn(budget: HeapBudget, verdict: Verdict, facts: RemedyFacts): Advice {
  const remedy = remedyFor(budget, verdict, facts)
  const flags = remedy.kind === 'flags' ? remedy.flags : undefined
  const isAssumed = budget.container.source === 'default'
  return { text: `${consequence(verdict, facts.warnPercent, isAssumed)}${toDo(remedy)}`, flags }
}

function consequence(verdict: Verdict, warnPercent: number, isAssumed: boolean): string {
  switch (verdict.kind) {
    case 'fits':
      return 'it fits.'
    case 'exceeds':
      return `above ${warnPercent} %, so ${isAssumed ? 'in such a container ' : ''}the kernel would kill this process (exit 137, not a word) before V8 says that its heap is full.`
    case 'tight':
      return `that leaves ${mb(verdict.spareBytes)} for everything that is not heap, and ${mb(verdict.neededBytes)} is the least that is needed.`
    case 'low':
      return 'no heap flag is set, and more than half of the container cannot be used by the heap.'
  }
}

function toDo(remedy: Remedy): string {
  switch (remedy.kind) {
    case 'flags':
      return ` In NODE_OPTIONS, put ${remedy.flags} in the place of the heap flags and keep the rest.`
    case 'larger-container':
      return ` No heap flag helps in so small a container: give it ${remedy.leastMB} MB or more.`
    case 'none':
      return ''
  }
}

/** `config-problem`: a value that was refused, the rule, and the default in its place. */
export const configProblem = (problem: SettingProblem): Entry => ({
  level: 'warn',
  event: 'config-problem',
  msg: `${problem.variable}=${problem.value} ${problem.rule}; ${problem.used} is used instead.`,
  fields: { variable: problem.variable, value: problem.value, used: problem.used },
})

/** `config-problem` of its own kind: the operator's number is kept, but the kernel kills at a lower one. */
export const kernelLimitIsLower = (operatorMB: number, kernelBytes: Bytes, path: string): Entry => ({
  level: 'warn',
  event: 'config-problem',
  msg: `CONTAINER_MEMORY_MB=${operatorMB} is above the ${mb(kernelBytes)} at which the kernel kills (${path}): the verdict keeps to ${operatorMB} MB, the watch on memory to the kernel's limit.`,
  fields: { variable: 'CONTAINER_MEMORY_MB', value: String(operatorMB), used: String(operatorMB) },
})

/** The keys that `memory` has and every record about pressure repeats. */
export function memoryFields(sample: Sample, budget: HeapBudget, droppedLines: number): Fields {
  const { memory, container } = sample
  const limit = leastKnownLimit(budget)
  const used = container.workingSetBytes ?? container.usageBytes ?? memory.rss
  return {
    rssMB: roundedMB(memory.rss),
    heapTotalMB: roundedMB(memory.heapTotal),
    heapUsedMB: roundedMB(memory.heapUsed),
    externalMB: roundedMB(memory.external),
    arrayBuffersMB: roundedMB(memory.arrayBuffers),
    heapLimitMB: roundedMB(sample.heapLimitBytes),
    heapCeilingMB: roundedMB(budget.ceiling.bytes),
    heapUsedRatio: roundedRatio(memory.heapUsed, budget.ceiling.bytes),
    containerUsageMB: container.usageBytes === undefined ? undefined : roundedMB(container.usageBytes),
    containerWorkingSetMB: container.workingSetBytes === undefined ? undefined : roundedMB(container.workingSetBytes),
    containerMemoryMB: limit === undefined ? undefined : roundedMB(limit),
    containerRatio: limit === undefined ? undefined : roundedRatio(used, limit),
    droppedLines: droppedLines === 0 ? undefined : droppedLines,
    uptimeS: roundedSeconds(sample.uptimeMs),
  }
}

/** `memory`: where the process and its container stand. */
export function memoryLine(sample: Sample, budget: HeapBudget, droppedLines: number): Entry {
  const { memory } = sample
  const heap = `heap ${mb(memory.heapUsed)} of ${mb(budget.ceiling.bytes)} (${percent(memory.heapUsed, budget.ceiling.bytes)})`
  return {
    level: 'info',
    event: 'memory',
    msg: `RSS ${mb(memory.rss)}, ${heap}, external ${mb(memory.external)}${containerShare(sample, budget)}.`,
    fields: memoryFields(sample, budget, droppedLines),
  }
}

function containerShare({ container, memory }: Sample, budget: HeapBudget): string {
  const limit = leastKnownLimit(budget)
  if (limit === undefined) return ''
  const of = (used: Bytes, what: string): string =>
    `, ${what} ${mb(used)} of the container's ${mb(limit)} (${percent(used, limit)})`
  if (container.workingSetBytes !== undefined) return of(container.workingSetBytes, 'working set')
  if (container.usageBytes !== undefined) return of(container.usageBytes, 'usage')
  return of(memory.rss, "this process's RSS (the container's usage cannot be read)")
}

/** `signal`: SIGTERM or SIGINT arrived. */
export function signalArrived(signal: string, appHandles: boolean, isPid1: boolean): Entry {
  return {
    level: appHandles ? 'info' : 'warn',
    event: 'signal',
    msg: appHandles
      ? `${signal} arrived; the app handles it, and the memory lines end here.`
      : `${signal} arrived, but the app does not listen to it and this process is PID 1, where the kernel ignores a signal without a handler: it will be killed when the grace period is over. Handle ${signal} in the app, or put an init in front (docker run --init, tini).`,
    fields: { signal, appHandles, isPid1 },
  }
}
