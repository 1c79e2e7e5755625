// The wording of what the watch says, and of what went wrong at boot: in the second file.
import { type Remedy, type RemedyFacts, remedyFor, type Verdict } from './assess.ts'
import { type HeapBudget, leastKnownLimit } from './budget.ts'
import type { Cause, CauseKind, Companion } from './cause.ts'
import type { Resource, Rung } from './ladder.ts'
import type { Entry, Fields, Stamp } from './record.ts'
import { type Advice, mb, percent, reasonOf } from './report.ts'
import type { Sample } from './sample.ts'
import type { SettingProblem } from './settings.ts'
import type { Suspect } from './suspects.ts'
import type { Growth } from './trend.ts'
import { type Bytes, bytes, type Millis, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

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

const shareOf = (levelBytes: Bytes, limitBytes: Bytes): string =>
  `${mb(levelBytes)} of ${mb(limitBytes)} (${percent(levelBytes, limitBytes)})`

const shareOfContainer = (usedBytes: Bytes, limitBytes: Bytes): string =>
  `${mb(usedBytes)} of the container's ${mb(limitBytes)} (${percent(usedBytes, limitBytes)})`

/** What stands in for the container's usage, behind This or this. */
const RSS_ALONE = "process's RSS (the container's usage cannot be read)"

/** What the container is judged by (see containerUsed): what it holds, else RSS, by its name. `isBack`: from a climb. */
function containerStands({ container }: Sample, levelBytes: Bytes, limitBytes: Bytes, isBack: boolean): string {
  return container.usageBytes === undefined
    ? `This ${RSS_ALONE} is ${isBack ? 'back at ' : ''}${shareOfContainer(levelBytes, limitBytes)}`
    : `The container ${isBack ? 'is back at' : 'holds'} ${shareOf(levelBytes, limitBytes)}`
}

function containerShare({ container, memory }: Sample, budget: HeapBudget): string {
  const limit = leastKnownLimit(budget)
  if (limit === undefined) return ''
  const of = (used: Bytes, what: string): string => `, ${what} ${shareOfContainer(used, limit)}`
  if (container.workingSetBytes !== undefined) return of(container.workingSetBytes, 'working set')
  if (container.usageBytes !== undefined) return of(container.usageBytes, 'usage')
  return of(memory.rss, `this ${RSS_ALONE}`)
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

/** What is known when a rung is reached. */
export interface PressureFacts {
  readonly sample: Sample
  readonly budget: HeapBudget
  readonly droppedLines: number
  readonly resource: Resource
  readonly rung: Rung
  /** V8 finds no room any more, by collecting or by growing. */
  readonly isCramped: boolean
  /** What is held against the limit: see heapLevel and containerUsed. */
  readonly levelBytes: Bytes
  readonly limitBytes: Bytes
  readonly cause: Cause
  readonly growth: Growth | undefined
  readonly leftMs: Millis | undefined
  readonly suspects: readonly Suspect[]
  /** Whether allocations were sampled at all. */
  readonly isSampled: boolean
  /** Where the cause is another process: the largest. */
  readonly culprit: Companion | undefined
  /** How late this look came. */
  readonly lateMs: Millis
  /** In the place of a word on the event loop: what the watchdog adds, with a space before it. */
  readonly note?: string | undefined
}

/** A blocked loop that is worth a word. */
const LATE_MS = 1000

/** `pressure`: a rung is reached. The numbers, what grows, and what to do. */
export function pressure(facts: PressureFacts): Entry {
  const { resource, rung, sample, budget, growth, leftMs, suspects, lateMs, cause } = facts
  const blocked =
    facts.note !== undefined
      ? facts.note
      : lateMs < LATE_MS
        ? ''
        : ` The event loop was blocked for ${roundedSeconds(lateMs)} s until now.`
  return {
    level: rung === 'warn' ? 'warn' : 'error',
    event: 'pressure',
    msg: `${standing(facts)}${whatGrows(facts)}${whoAllocates(facts)}${blocked} ${REMEDIES[cause.kind]}`,
    fields: {
      resource,
      rung,
      cause: cause.kind,
      ...memoryFields(sample, budget, facts.droppedLines),
      growthMBPerS: growth === undefined ? undefined : roundedMB(bytes(growth.perMs * 1000)),
      secondsToLimit: leftMs === undefined ? undefined : roundedSeconds(leftMs),
      suspects:
        suspects.length === 0
          ? undefined
          : suspects.map(({ site, bytes: size }) => ({ site, MB: roundedMB(bytes(size)) })),
    },
  }
}

function standing({ sample, resource, levelBytes, limitBytes, growth, leftMs, isCramped }: PressureFacts): string {
  const share = shareOf(levelBytes, limitBytes)
  const speed =
    growth === undefined || growth.perMs <= 0 ? '' : `, growing by ${mb(bytes(growth.perMs * 1000))} a second`
  const end = leftMs === undefined ? '' : ` in about ${roundedSeconds(leftMs)} s`
  if (isCramped)
    return `The JS heap holds ${share}${speed}, and V8 finds next to no room any more, neither by collecting garbage nor by growing: it may end this process (exit 134) at any time.`
  return resource === 'heap'
    ? `The JS heap holds ${share} after garbage collection${speed}: when it is full V8 ends this process (exit 134)${end}.`
    : `${containerStands(sample, levelBytes, limitBytes, false)}${speed}: when it is full the kernel kills (exit 137, without a word)${end}.`
}

const NAMES: Readonly<Record<CauseKind, string>> = {
  heap: "V8's heap",
  buffers: 'Buffers and ArrayBuffers',
  native: "this process's memory outside of the heap and of Buffers",
  workers: "this process's memory outside of the main thread's heap and Buffers, while worker threads run",
  process: 'other processes of the container',
  tmpfs: 'files in memory (tmpfs, /dev/shm) or shared memory',
  unknown: 'no part by itself',
}

function whatGrows({ resource, cause, sample, culprit }: PressureFacts): string {
  if (resource === 'heap') return ''
  const { kind, partBytes, ofBytes, sinceMs } = cause
  const who =
    kind === 'process' && culprit !== undefined
      ? `, the largest ${culprit.name} (pid ${culprit.pid}) with ${mb(culprit.rssBytes)}`
      : ''
  const all =
    kind === 'buffers'
      ? `; ${mb(sample.memory.arrayBuffers)} are allocated now, and which code made them is not known`
      : ''
  if (kind === 'unknown') return ' Which part of it grows cannot be told.'
  return sinceMs === undefined
    ? ` Most of it is ${NAMES[kind]}: ${mb(partBytes)}${who}${all}.`
    : ` What grows is ${NAMES[kind]}: ${mb(partBytes)}${partBytes > ofBytes ? ', where all that is held grew by' : ' of'} ${mb(ofBytes)} in the last ${roundedSeconds(sinceMs)} s${who}${all}.`
}

function whoAllocates({ suspects, cause, isSampled }: PressureFacts): string {
  const [first, second] = suspects
  if (cause.kind !== 'heap') return ''
  if (first === undefined) return isSampled ? '' : ' Which code allocates it is not known yet.'
  const also = second === undefined ? '' : `, then ${second.site}, ${mb(bytes(second.bytes))}`
  return ` Most of what was allocated since sampling began and is still held comes from ${first.site}, ${mb(bytes(first.bytes))}${also}.`
}

const REMEDIES: Readonly<Record<CauseKind, string>> = {
  heap: 'Find what keeps these objects (caches without a bound, listeners, closures), or give heap and container more.',
  buffers: 'Bound what is read into memory at a time (streams with back-pressure, limits on bodies and batches).',
  native:
    'Look at addons, zlib and crypto streams that are not closed, and at the allocator (MALLOC_ARENA_MAX=2, jemalloc).',
  workers: 'Run fewer workers, or give each a lower limit (resourceLimits): each brings a whole heap of its own.',
  process: 'Give that process a limit or a container of its own, or give this one more.',
  tmpfs: 'Write those files to a disk or delete them: memory that holds files is not given back by itself.',
  unknown: 'Give the container more, and see the memory lines for what grows.',
}

/** `pressure-eased`: a climb is over. */
export const pressureEased = (resource: Resource, levelBytes: Bytes, limitBytes: Bytes, sample: Sample): Entry => ({
  level: 'info',
  event: 'pressure-eased',
  msg: `${resource === 'heap' ? `The JS heap is back at ${shareOf(levelBytes, limitBytes)}` : containerStands(sample, levelBytes, limitBytes, true)}.`,
  fields: { resource },
})

/** `limit-changed`: the container's limit moved, judged again. Undefined: no limit. */
export function limitChanged(from: Bytes | undefined, budget: HeapBudget, verdict: Verdict, facts: RemedyFacts): Entry {
  const { kernelLimit, heapLimitBytes, container } = budget
  const to = kernelLimit.kind === 'limited' ? kernelLimit.limitBytes : undefined
  const size = (limit: Bytes | undefined): string => (limit === undefined ? 'none' : mb(limit))
  const isBad = verdict.kind === 'exceeds' || verdict.kind === 'tight'
  const judged =
    to === undefined
      ? ''
      : ` V8's heap limit ${mb(heapLimitBytes)} is ${percent(heapLimitBytes, container.bytes)} of ${mb(container.bytes)}: ${isBad ? adviceOn(budget, verdict, facts).text : 'it fits.'}`
  return {
    level: isBad ? 'warn' : 'info',
    event: 'limit-changed',
    msg: `The container's memory limit changed from ${size(from)} to ${size(to)}.${judged}`,
    fields: {
      fromMB: from === undefined ? undefined : roundedMB(from),
      containerMemoryMB: to === undefined ? undefined : roundedMB(to),
      verdict: to === undefined ? undefined : verdict.kind,
    },
  }
}

/** `oom-kill`: the kernel killed `count` processes of the group, and this one lives. `gone`: those that are no longer there. */
export function oomKill(count: number, gone: readonly Companion[]): Entry {
  const who =
    gone.length === 0
      ? 'Which it was is not known'
      : `No longer there: ${gone.map(({ name, pid, rssBytes }) => `${name} (pid ${pid}), last seen with ${mb(rssBytes)}`).join(', ')}`
  return {
    level: 'error',
    event: 'oom-kill',
    msg: `The kernel killed ${count === 1 ? 'a process' : `${count} processes`} of this container for want of memory, and this one lives on. ${who}.`,
    fields: { count },
  }
}

/** `evidence-problem`: evidence that was asked for, or that a line would have had, cannot be had. */
export const evidenceProblem = (what: string, error: unknown): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `The ${what} cannot be written (${reasonOf(error)}).`,
  fields: { what, reason: reasonOf(error) },
})

/** `evidence-problem`: V8 is not asked for the heap's spaces. */
export const heapIsBounded = (error: unknown): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `How much of the heap is old is not known (${reasonOf(error)}): until it is, all of it less the largest young generation counts, so heap pressure may be told late.`,
  fields: { what: 'heap', reason: reasonOf(error) },
})

/** `draining`: HEAPGUARD_ON_CRITICAL sends SIGTERM. */
export const draining = (signal: string): Entry => ({
  level: 'warn',
  event: 'draining',
  msg: `Memory was critical three looks in a row, so this process is sent ${signal} now (HEAPGUARD_ON_CRITICAL): the app can shut down in order before it is killed. This happens once.`,
  fields: { signal },
})

/** `evidence-problem`: HEAPGUARD_ON_CRITICAL would send a signal, and nothing but its default action would answer. */
export const nobodyDrains = (signal: string): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `Memory was critical three looks in a row, but the app does not listen to ${signal}, so it is not sent: it would end the process on the spot. Handle ${signal} in the app, or leave HEAPGUARD_ON_CRITICAL unset.`,
  fields: { what: 'drain', reason: `the app does not listen to ${signal}` },
})

/** `evidence-problem`: the metrics cannot be served. A port that another process holds is no fault: it is asked for again. */
export const metricsProblem = (endpoint: string, error: unknown, isTaken: boolean): Entry => ({
  level: isTaken ? 'info' : 'warn',
  event: 'evidence-problem',
  msg: isTaken
    ? `${endpoint} is taken, so this process serves no metrics: another one (of the same service, in a cluster) listens there. It is asked for again each minute.`
    : `The metrics cannot be served at ${endpoint} (${reasonOf(error)}).`,
  fields: { what: 'metrics', reason: reasonOf(error) },
})

/** The termination log's sentence: what a person reads in `kubectl describe pod`. */
export const lastWordsOf = ({ msg, level }: Entry, stamp: Stamp): string =>
  `heapguard, ${stamp.time}, pid ${stamp.pid} (${level === 'error' ? 'critical' : 'warning'}): ${msg}`
