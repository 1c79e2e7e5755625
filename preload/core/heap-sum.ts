// Workers and node processes each bring a whole heap limit of their own; the container does not grow with them.

import { readOldSpaceLimit } from './flags.ts'
import { gateOf } from './gate.ts'
import { youngGenerationMB } from './heap-size.ts'
import { statFields } from './kernel-files.ts'
import { type Bytes, bytes, bytesToMB, type Millis, mbToBytes } from './units.ts'

/** How NODE_OPTIONS and command lines name the guard. */
const UNDER_GUARD = /heapguard|preload\.js/

/** A process of the group, as its /proc folder shows it. */
export interface Neighbour {
  readonly pid: number
  /** /proc/<pid>/cmdline: arguments that end in NUL each. */
  readonly commandLine: string
  /** NODE_OPTIONS of its environment; undefined where that is not readable or not set. */
  readonly nodeOptions: string | undefined
  /** /proc/<pid>/stat. */
  readonly stat: string | undefined
}

export interface HeapSumFacts {
  readonly ownPid: number
  readonly ownUptimeMs: Millis
  readonly ownHeapLimitBytes: Bytes
  /** The old-space limit that a flag set here; undefined: none did. */
  readonly ownOldSpaceBytes: Bytes | undefined
  /** The heap limits of this process's live worker threads. */
  readonly workerHeapLimits: readonly Bytes[]
  /** The other processes of the group. */
  readonly neighbours: readonly Neighbour[]
  readonly nodeVersion: string
  readonly memoryNodeSeesBytes: Bytes | undefined
}

export interface HeapSum {
  /** The heaps that are counted, this process's own among them. */
  readonly isolates: number
  /** The node processes among them. */
  readonly processes: number
  readonly sumBytes: Bytes
  /** The same without what is young: what is over in two seconds is a probe or a helper, and no cause for alarm. */
  readonly lastingBytes: Bytes
  /** Of several guards in one container one speaks: that of the lowest pid. */
  readonly isSpeaker: boolean
  /** Some are young: to be asked again soon. */
  readonly isEarly: boolean
}

const YOUNG_MS = 2000
/** The unit of start times in /proc/<pid>/stat, USER_HZ, which is the same everywhere. */
const TICK_MS = 10

/**
 * Adds up the heap limits of this process, its workers and the node processes beside it. Package managers are left out:
 * they start the app and idle, and so is what came by exec into the container (probes, an operator): it is gone soon. A
 * neighbour's limit is read from its own flags; without flags it is V8's own choice.
 */
export function heapSumOf(facts: HeapSumFacts): HeapSum {
  const others = facts.neighbours
    .filter(({ pid }) => pid !== facts.ownPid && !isFromOutside(pid, facts))
    .flatMap(other => heapLimitOf(other, facts) ?? [])
  const limits = [facts.ownHeapLimitBytes, ...facts.workerHeapLimits, ...others.map(other => other.limitBytes)]
  const young = others.filter(({ isYoung }) => isYoung)
  const sumOf = (all: readonly Bytes[]): number => all.reduce((sum, limit) => sum + limit, 0)
  return {
    isolates: limits.length,
    processes: 1 + others.length,
    sumBytes: bytes(sumOf(limits)),
    lastingBytes: bytes(sumOf(limits) - sumOf(young.map(other => other.limitBytes))),
    isSpeaker: others.every(({ pid, isGuarded }) => !isGuarded || facts.ownPid < pid),
    isEarly: young.length > 0,
  }
}

function bornOf(stat: string | undefined): { readonly parentPid: number; readonly atMs: number } {
  const fields = statFields(stat)
  return { parentPid: Number(fields[1]), atMs: Number(fields[19]) * TICK_MS }
}

const statOf = (pid: number, { neighbours }: HeapSumFacts): string | undefined =>
  neighbours.find(other => other.pid === pid)?.stat

/** Its parents end in 0, outside of the container, and neither with the first process nor with this one. */
function isFromOutside(pid: number, facts: HeapSumFacts): boolean {
  if (pid === 1 || pid === facts.ownPid) return false
  const { parentPid } = bornOf(statOf(pid, facts))
  return parentPid === 0 || (parentPid > 0 && isFromOutside(parentPid, facts))
}

/** Where a start cannot be read nobody is young. */
function isYoung(stat: string | undefined, facts: HeapSumFacts): boolean {
  const laterMs = bornOf(stat).atMs - bornOf(statOf(facts.ownPid, facts)).atMs
  return facts.ownUptimeMs - laterMs < YOUNG_MS
}

function heapLimitOf(
  other: Neighbour,
  facts: HeapSumFacts,
): { pid: number; limitBytes: Bytes; isGuarded: boolean; isYoung: boolean } | undefined {
  const [program = '', ...words] = other.commandLine.split('\0').slice(0, -1)
  if (!/(^|\/)node(js)?$/.test(program)) return undefined
  const script = words.findIndex(word => !word.startsWith('-'))
  const execArgv = script === -1 ? words : words.slice(0, script)
  const gate = gateOf({
    enabled: true,
    alreadyLoaded: false,
    isWorkerThread: false,
    versions: { node: facts.nodeVersion.slice(1) },
    scriptPath: words[script],
    execArgv,
    testContext: undefined,
  })
  if (gate.kind === 'stay-away') return undefined
  const { nodeVersion, memoryNodeSeesBytes } = facts
  const oldSpace = readOldSpaceLimit({ execArgv, nodeOptions: other.nodeOptions, nodeVersion, memoryNodeSeesBytes })
  const seenMB = memoryNodeSeesBytes === undefined ? undefined : bytesToMB(memoryNodeSeesBytes)
  // With the same flag, or without one, V8 chose as it did here.
  const limitBytes =
    oldSpace.kind === 'none' || oldSpace.limitBytes === facts.ownOldSpaceBytes
      ? facts.ownHeapLimitBytes
      : bytes(oldSpace.limitBytes + mbToBytes(youngGenerationMB(seenMB ?? Number.POSITIVE_INFINITY, nodeVersion)))
  const isGuarded = UNDER_GUARD.test(`${other.nodeOptions} ${other.commandLine}`)
  return { pid: other.pid, limitBytes, isGuarded, isYoung: isYoung(other.stat, facts) }
}

/**
 * A worker's heap limit: its resourceLimits.maxOldGenerationSizeMb, but a flag of the process wins over it
 * (nodejs/node#43991), and -1 means that nothing was asked.
 */
export const workerHeapLimit = (
  maxOldGenerationSizeMb: number | undefined,
  ownLimit: Bytes,
  hasFlag: boolean,
): Bytes =>
  hasFlag || maxOldGenerationSizeMb === undefined || !(maxOldGenerationSizeMb > 0)
    ? ownLimit
    : mbToBytes(maxOldGenerationSizeMb)
