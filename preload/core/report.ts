// The wording of what start-up and a quiet end say. Every other sentence is in report-watch.ts, which is loaded when it is
// needed: with this file, the only home of wording.
import type { Verdict } from './assess.ts'
import { ASSUMED_CONTAINER_MB, type HeapBudget } from './budget.ts'
import type { Entry } from './record.ts'
import { type Bytes, type Millis, percentToRatio, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

export interface HeapValidated {
  readonly budget: HeapBudget
  readonly verdict: Verdict
  readonly warnPercent: number
  readonly version: string
  readonly nodeVersion: string
  readonly isPid1: boolean
}

/** `387 MB`, as sentences have it. */
export const mb = (value: Bytes): string => `${roundedMB(value)} MB`
/** `75.6 %`, as sentences have it. */
export const percent = (part: number, whole: number): string => `${roundedRatio(part * 100, whole).toFixed(1)} %`

/** What the second file adds where the heap does not fit. */
export interface Advice {
  /** What follows from the arithmetic, and what to do. */
  readonly text: string
  /** The heap flags to set, and nothing else; absent where none helps. */
  readonly flags: string | undefined
}

/** What the second file knows of V8's own report, where HEAPGUARD_DIR is set. */
export interface OnBoot {
  readonly bootFields?: { readonly reportArmed: true } | { readonly heapLimitSource: 'v8' } | undefined
  /** A sentence why not, with a space before it. */
  readonly bootNote?: string
}

/** The boot line again: V8 says another limit than the one that was worked out at the start. */
export const corrected = (workedOutBytes: Bytes): OnBoot => ({
  bootFields: { heapLimitSource: 'v8' },
  bootNote: ` At the start ${mb(workedOutBytes)} was worked out, and V8 says otherwise.`,
})

/** `heap-validated`: does V8's heap limit fit the container, and if not, what to set. */
export function heapValidated(
  facts: HeapValidated,
  advice: Advice | undefined,
  { bootNote = '', bootFields }: OnBoot = {},
): Entry {
  const { budget, verdict, warnPercent } = facts
  const { container, heapLimitBytes, ceiling } = budget
  const what = container.source === 'default' ? 'an assumed' : "the container's"
  const share = `V8's heap limit ${mb(heapLimitBytes)} is ${percent(heapLimitBytes, container.bytes)} of ${what} ${mb(container.bytes)}`
  const judgement =
    verdict.kind === 'fits'
      ? `it fits (the line is ${warnPercent} %), with ${mb(verdict.spareBytes)} for what is not heap.`
      : (advice?.text ?? `${verdict.kind}.`)
  return {
    level: verdict.kind === 'exceeds' || verdict.kind === 'tight' ? 'warn' : 'info',
    event: 'heap-validated',
    msg: `${share}: ${judgement}${assumption(budget)}${throttle(budget)}${bootNote}`,
    fields: {
      version: facts.version,
      nodeVersion: facts.nodeVersion,
      isPid1: facts.isPid1,
      heapLimitMB: roundedMB(heapLimitBytes),
      heapLimitSource: budget.heapLimitSource,
      heapCeilingMB: roundedMB(ceiling.bytes),
      heapCeilingSource: ceiling.source,
      containerMemoryMB: roundedMB(container.bytes),
      containerMemorySource: container.source,
      containerMemoryPath: container.path,
      heapLimitRatio: roundedRatio(heapLimitBytes, container.bytes),
      warnRatio: percentToRatio(warnPercent),
      verdict: verdict.kind,
      remedy: advice?.flags,
      nodeSeesMB: budget.nodeSeesBytes === undefined ? undefined : roundedMB(budget.nodeSeesBytes),
      ...bootFields,
    },
  }
}

function assumption({ container, kernelLimit }: HeapBudget): string {
  if (container.source !== 'default') return ''
  return ` The container's memory is not known (${kernelLimit.reason}), ${ASSUMED_CONTAINER_MB} MB is assumed: set CONTAINER_MEMORY_MB to what it has.`
}

/** A soft limit kills nothing, but a process above it crawls until a probe does. */
function throttle({ kernelLimit }: HeapBudget): string {
  const soft = kernelLimit.kind === 'unknown' ? undefined : kernelLimit.soft
  return soft === undefined ? '' : ` From ${mb(soft.limitBytes)} on the kernel slows the container down (${soft.path}).`
}

export type ExitReason = 'exit' | 'uncaught'

/** What a run came to. */
export interface RunEnd {
  readonly reason: ExitReason
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
export function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  return String(code ?? message ?? error).slice(0, 200)
}
