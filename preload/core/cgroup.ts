// What the kernel's files say about this process's memory: the limit that would kill it, and who set it.
import { parseMachineBytes, parseWhole, quietly } from './kernel-files.ts'
import { type Levels, readLevels, readLimitText } from './levels.ts'
import { findOwnGroups } from './own-group.ts'
import { type Bytes, mbToBytes } from './units.ts'

/** Reads a text file. undefined: no such file; anything else (EACCES, EIO, …) throws an error that has a `code`. */
export type ReadText = (path: string) => string | undefined

/** The group whose files speak for the container: where its limit, its usage and its events are read. */
export interface MemoryGroup {
  readonly version: 'cgroup-v2' | 'cgroup-v1'
  /** Absolute folder, without a trailing slash. */
  readonly folder: string
}

/** A soft limit (v2 memory.high): it throttles, it does not kill. */
export interface SoftLimit {
  readonly limitBytes: Bytes
  readonly path: string
}

/** A hard limit and the group that it holds for. */
export interface LevelLimit extends SoftLimit {
  readonly group: MemoryGroup
}

/** A file that decides the limit, and what it said (the one value that counts of a memory.stat); absent: no such file. */
export interface WatchedFile {
  readonly path: string
  readonly text: string | undefined
}

interface Seen {
  /** The level that gave the limit, else the own group; absent for lambda without a cgroup and where there is none. */
  readonly group?: MemoryGroup
  /** What readLimitAgain compares. */
  readonly watched?: readonly WatchedFile[]
}

export type ContainerLimit = Seen &
  (
    | {
        readonly kind: 'limited'
        readonly limitBytes: Bytes
        readonly source: 'cgroup-v2' | 'cgroup-v1' | 'lambda'
        /** The file (or variable) that holds the number. */
        readonly path: string
        /** low: the own group, or a file that could hold a tighter limit, could not be read; this is the least that could. */
        readonly confidence: 'high' | 'low'
        /** What makes it low; for lambda what the kernel's files said. */
        readonly reason?: string
        readonly soft?: SoftLimit
        /** Limits of the groups above: wider or the same, but siblings share them and can fill them first. */
        readonly above?: readonly LevelLimit[]
      }
    | { readonly kind: 'unlimited'; readonly reason: string; readonly soft?: SoftLimit }
    | { readonly kind: 'unknown'; readonly reason: string }
  )

/** What is asked beside the kernel's files. */
export interface LimitFacts {
  /** AWS_LAMBDA_FUNCTION_MEMORY_SIZE, as set. */
  readonly lambdaMemoryMB?: string | undefined
}

const LAMBDA_VARIABLE = 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE'

/**
 * The least memory limit that holds for this process, from its own group up to the mount, in bytes as the file has
 * them. A number from the machine's MemTotal up limits nothing. Never throws, never gives a number that no file holds:
 * what could not be read or understood is 'unknown' with the reason, or makes a limit that was read one of low confidence.
 * Reads /proc/self/cgroup and /proc/self/mountinfo; v2: memory.max and memory.high of each level; v1:
 * memory.limit_in_bytes of each level and one memory.stat; /proc/meminfo only if there is a number to compare with it.
 */
export function readContainerLimit(readText: ReadText, facts: LimitFacts = {}): ContainerLimit {
  return withLambda(readKernelLimit(readText), facts.lambdaMemoryMB)
}

/**
 * For each sample: has the limit moved since? Returns `previous` itself (compare with ===) when it has not, at the price of
 * one small file a level (and v1's memory.stat); else everything is read again. A file that has become unreadable changes
 * nothing. memory.high alone is not looked at.
 */
export function readLimitAgain(readText: ReadText, previous: ContainerLimit, facts: LimitFacts = {}): ContainerLimit {
  const read = quietly(readText)
  if ((previous.watched ?? []).every(({ path, text }) => readLimitText(read, path) === text)) return previous
  const now = readContainerLimit(readText, facts)
  return now.kind === 'unknown' ? previous : now
}

function readKernelLimit(readText: ReadText): ContainerLimit {
  const problems: string[] = []
  const read = quietly(readText, problems)
  const readAside = quietly(readText)
  const own = findOwnGroups(read, problems)
  const levels = readLevels(own, read, readAside, problems)
  const { watched, group } = levels
  const isComparable = levels.hard.length + levels.soft.length > 0 && !own.meminfoIsVirtual
  const machineBytes = parseMachineBytes(isComparable ? readAside('/proc/meminfo') : undefined)
  const hard = levels.hard.filter(level => level.limitBytes < machineBytes)
  // Sorting is stable: of equal limits the own group's wins.
  const [least] = [...hard].sort(byLimit)
  const [soft] = levels.soft.filter(level => level.limitBytes < (least?.limitBytes ?? machineBytes)).sort(byLimit)
  const softly = soft === undefined ? {} : { soft }

  if (least !== undefined) {
    if (own.isAssumed) problems.push(`${least.group.folder} is only assumed to be the own group's`)
    const above = hard.slice(hard.indexOf(least) + 1)
    return {
      kind: 'limited',
      ...least,
      source: least.group.version,
      ...(problems.length > 0 ? { confidence: 'low', reason: firstOf(problems) } : { confidence: 'high' }),
      ...(above.length > 0 ? { above } : {}),
      ...softly,
      watched,
    }
  }
  const seen = group === undefined ? { watched } : { group, watched }
  if (problems.length > 0) return { kind: 'unknown', reason: firstOf(problems), ...seen }
  return { kind: 'unlimited', reason: whyUnlimited(levels, machineBytes), ...softly, ...seen }
}

const byLimit = (a: SoftLimit, b: SoftLimit) => a.limitBytes - b.limitBytes

// Three tell the tale; a deep tree without permission has dozens.
const firstOf = (problems: readonly string[]) => problems.slice(0, 3).join('; ')

function whyUnlimited({ hard: [number], group, watched }: Levels, machineBytes: Bytes): string {
  if (number !== undefined)
    return `${number.path} holds ${number.limitBytes}, not below the machine's own ${machineBytes} bytes`
  // The own group's file stands for those above it: a deep tree has many.
  const [own, ...others] = watched
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  return `${group === undefined ? 'no such file as' : 'no limit in'} ${own?.path}${more}`
}

// Lambda sets its function's memory, a whole number of MB, and shows no cgroup.
function withLambda(limit: ContainerLimit, text = ''): ContainerLimit {
  const megabytes = parseWhole(text) ?? 0
  // Below that the bytes are exact.
  const limitBytes = mbToBytes(megabytes < 1e9 ? megabytes : 0)
  if (limitBytes === 0 || (limit.kind === 'limited' && limit.limitBytes <= limitBytes)) return limit
  const confidence = limit.kind === 'unknown' ? 'low' : 'high'
  return { ...limit, kind: 'limited', limitBytes, source: 'lambda', path: LAMBDA_VARIABLE, confidence }
}

/** The folders of the own group, as far as it is visible, and of the one that gave the limit. */
export function groupFoldersOf({ group, watched }: ContainerLimit): ReadonlySet<string> {
  const folders = new Set<string>()
  if (group !== undefined) folders.add(group.folder)
  // The lowest level is read first: `/sys/fs/cgroup/pod/app/memory.max`.
  const [own] = watched ?? []
  if (own !== undefined) folders.add(own.path.slice(0, own.path.lastIndexOf('/')))
  return folders
}
