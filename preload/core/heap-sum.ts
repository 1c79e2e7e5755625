// Workers and node processes each bring a whole heap limit of their own; the container does not grow with them.

import { readOldSpaceLimit, youngGenerationMB } from './flags.ts'
import { gateOf } from './gate.ts'
import { type Bytes, bytes, bytesToMB, mbToBytes } from './units.ts'

/** How NODE_OPTIONS and command lines name the guard. */
const UNDER_GUARD = /heapguard|preload\.js/

/** A process of the group, as its /proc folder shows it. */
export interface Neighbour {
  readonly pid: number
  /** /proc/<pid>/cmdline: arguments that end in NUL each. */
  readonly commandLine: string
  /** NODE_OPTIONS of its environment; undefined where that is not readable or not set. */
  readonly nodeOptions: string | undefined
}

export interface HeapSumFacts {
  readonly ownPid: number
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
  /** Of several guards in one container one speaks: that of the lowest pid. */
  readonly isSpeaker: boolean
}

/**
 * Adds up the heap limits of this process, its workers and the node processes beside it. Package managers are left out:
 * they start the app and idle. A neighbour's limit is read from its own flags; without flags it is V8's own choice.
 */
export function heapSumOf(facts: HeapSumFacts): HeapSum {
  const others = facts.neighbours
    .filter(({ pid }) => pid !== facts.ownPid)
    .flatMap(other => heapLimitOf(other, facts) ?? [])
  const limits = [facts.ownHeapLimitBytes, ...facts.workerHeapLimits, ...others.map(other => other.limitBytes)]
  return {
    isolates: limits.length,
    processes: 1 + others.length,
    sumBytes: bytes(limits.reduce((sum, limit) => sum + limit, 0)),
    isSpeaker: others.every(({ pid, isGuarded }) => !isGuarded || facts.ownPid < pid),
  }
}

function heapLimitOf(
  other: Neighbour,
  facts: HeapSumFacts,
): { pid: number; limitBytes: Bytes; isGuarded: boolean } | undefined {
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
  return { pid: other.pid, limitBytes, isGuarded: UNDER_GUARD.test(`${other.nodeOptions} ${other.commandLine}`) }
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
