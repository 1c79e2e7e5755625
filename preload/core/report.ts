// The only home of wording: what happened, as a record with a sentence that a tired person understands.
import type { Remedy, Verdict } from './assess.ts'
import { ASSUMED_CONTAINER_MB, type HeapBudget, leastKnownLimit } from './budget.ts'
import type { Entry, Fields } from './record.ts'
import type { Sample } from './sample.ts'
import type { SettingProblem } from './settings.ts'
import { type Bytes, type Millis, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

export interface HeapValidated {
  readonly budget: HeapBudget
  readonly verdict: Verdict
  readonly remedy: Remedy
  readonly warnPercent: number
  readonly version: string
  readonly nodeVersion: string
  readonly isPid1: boolean
}

const mb = (value: Bytes): string => `${roundedMB(value)} MB`
const percent = (part: number, whole: number): string => `${roundedRatio(part * 100, whole).toFixed(1)} %`

/** `heap-validated`: does V8's heap limit fit the container, and if not, what to set. */
export function heapValidated(facts: HeapValidated): Entry {
  const { budget, verdict, remedy } = facts
  const { container, heapLimitBytes, ceiling } = budget
  return {
    level: verdict.kind === 'exceeds' || verdict.kind === 'tight' ? 'warn' : 'info',
    event: 'heap-validated',
    msg: `${arithmetic(facts)}${containerNote(budget)}${remedyText(remedy)}`,
    fields: {
      version: facts.version,
      nodeVersion: facts.nodeVersion,
      isPid1: facts.isPid1,
      heapLimitMB: roundedMB(heapLimitBytes),
      heapCeilingMB: roundedMB(ceiling.bytes),
      heapCeilingSource: ceiling.source,
      containerMemoryMB: roundedMB(container.bytes),
      containerMemorySource: container.source,
      containerMemoryPath: container.path,
      heapLimitRatio: roundedRatio(heapLimitBytes, container.bytes),
      warnRatio: facts.warnPercent / 100,
      verdict: verdict.kind,
      remedy: remedy.kind === 'flags' ? remedy.flags : undefined,
      nodeSeesMB: budget.nodeSeesBytes === undefined ? undefined : roundedMB(budget.nodeSeesBytes),
    },
  }
}

function arithmetic({ budget, verdict, warnPercent }: HeapValidated): string {
  const { container, heapLimitBytes } = budget
  const assumed = container.source === 'default' ? 'an assumed ' : "the container's "
  const share = `V8's heap limit ${mb(heapLimitBytes)} is ${percent(heapLimitBytes, container.bytes)} of ${assumed}${mb(container.bytes)}`
  switch (verdict.kind) {
    case 'fits':
      return `${share}: it fits (the line is ${warnPercent} %), with ${mb(verdict.spareBytes)} for what is not heap.`
    case 'exceeds':
      return `${share}, above ${warnPercent} %: the kernel would kill this process (exit 137, not a word) before V8 reports that its heap is full.`
    case 'tight':
      return `${share}: that leaves ${mb(verdict.spareBytes)} for everything that is not heap, and ${mb(verdict.neededBytes)} is the least that is needed.`
    case 'low':
      return `${share}: no heap flag is set, and more than half of the container cannot be used by the heap.`
  }
}

function containerNote({ container, kernelLimit }: HeapBudget): string {
  if (container.source !== 'default') return ''
  const reason = kernelLimit.kind === 'limited' ? '' : ` (${kernelLimit.reason})`
  return ` The container's memory is not known${reason}, ${ASSUMED_CONTAINER_MB} MB is assumed: set CONTAINER_MEMORY_MB to what it has.`
}

function remedyText(remedy: Remedy): string {
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

/** What a run came to. */
export interface RunEnd {
  readonly reason: 'exit' | 'uncaught'
  readonly exitCode: number
  readonly peakRssBytes: Bytes
  readonly peakHeapUsedBytes: Bytes
  readonly uptimeMs: Millis
}

/** `shutdown`: the process ends in a way that still runs JS. The code is the one so far: an app can still change it. */
export const shutdown = (end: RunEnd): Entry => ({
  level: 'info',
  event: 'shutdown',
  msg: `The process ends with code ${end.exitCode}${end.reason === 'uncaught' ? ' after an uncaught exception' : ''}; at most RSS ${mb(end.peakRssBytes)} and heap ${mb(end.peakHeapUsedBytes)} in ${roundedSeconds(end.uptimeMs)} s.`,
  fields: {
    reason: end.reason,
    exitCode: end.exitCode,
    peakRssMB: roundedMB(end.peakRssBytes),
    peakHeapUsedMB: roundedMB(end.peakHeapUsedBytes),
    uptimeS: roundedSeconds(end.uptimeMs),
  },
})

/** `evidence-problem`: a sample could not be taken. Said once; the watch goes on. */
export const sampleFailed = (error: unknown): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `A sample of the memory failed (${reasonOf(error)}); the watch goes on.`,
  fields: { what: 'sample', reason: reasonOf(error) },
})

/** The code of a system error, else its message: never a stack, never a value of the app's. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  return String(code ?? message ?? error).slice(0, 200)
}
