// What start-up says where all is plain: its settings, one of three common layouts of the container's files, a heap that
// fits. The short way to what cgroup.ts, flags.ts, budget.ts, assess.ts and report.ts find out in any surroundings:
// wherever these lines would differ by a character, or it cannot be told cheaply that they would not, the answer is
// undefined and the long way is taken (test/core/quiet.property.test.ts holds the two to each other). Texts are compared
// with the shape that they usually have, and numbers printed again, since a parser costs more than all that it is used for.

import { type SizedProcess, workedOutLimit } from './heap-size.ts'
import { isoTime } from './iso-time.ts'
import { UNBELIEVABLE_BYTES } from './kernel-files.ts'
import type { ExitReason } from './report.ts'
import { type Bytes, bytes, mbToBytes, roundedMB } from './units.ts'

/** What is asked of `process`. */
export interface QuietProcess {
  readonly pid: number
  readonly version: string
  readonly execArgv: readonly string[]
  readonly env: { readonly NODE_OPTIONS?: string | undefined; readonly CONTAINER_MEMORY_MB?: string | undefined }
  readonly constrainedMemory: () => number
}

/** Throws for what is not there or cannot be read. */
type ReadText = (path: string) => string

/** A heap that fits, and the words for it. */
export interface QuietBudget {
  readonly heapLimitBytes: Bytes
  readonly containerBytes: Bytes
  readonly source: 'env' | 'cgroup-v2' | 'cgroup-v1'
  /** The line of `heap-validated` behind its head, as report.ts and record.ts would have it. */
  readonly text: string
}

const NOT_HEAP_LEAST_MB = 64
const MOST_MB = 1e6
const NO_V2_LIMIT = 'max\n'
/** The largest multiple of a page of 4 KiB. */
const NO_V1_LIMIT = '9223372036854771712\n'
const V2_FILE = '/sys/fs/cgroup/memory.max'
const V1_MOUNT = '/sys/fs/cgroup/memory'
const V1_FILE = '/memory.limit_in_bytes'

/**
 * The budget, where it fits and everything about it is plain; else undefined. Throws what `readText` throws. `command` is
 * execArgv with a space between two, `version` the guard's own. `readLimit` asks V8 for its limit, which is much dearer
 * than all the rest: it is called where the limit cannot be worked out of `sized`.
 */
export function quietBudgetOf(
  process: QuietProcess,
  command: string,
  warnPercent: number,
  sized: SizedProcess | undefined,
  readLimit: () => Bytes,
  version: string,
  readText: ReadText,
): QuietBudget | undefined {
  'at start'
  const { pid, env } = process
  const nodeOptions = env.NODE_OPTIONS || ''
  // All of V8's heap flags have `max` in their names. Quotes, which only NODE_OPTIONS knows, could hide it.
  const hasFlag = (command + nodeOptions).includes('max') || nodeOptions.includes('"')
  const oldSpaceBytes = hasFlag ? plainOldSpace(command, nodeOptions, process.execArgv) : undefined
  if (hasFlag && oldSpaceBytes === undefined) return undefined
  const own = readText('/proc/self/cgroup')
  const isV2 = own === '0::/\n'
  const file = isV2 ? V2_FILE : ownV1File(own, pid, readText)
  const limitText = readText(file)
  if (!isV2 && !isLeastV1(file, limitText, readText)) return undefined
  const limit = Number(limitText)
  const hasNoLimit = limitText === NO_V1_LIMIT || limitText === NO_V2_LIMIT
  // `MemTotal:       24684096 kB`, the first line.
  const machine = Number.parseInt(readText('/proc/meminfo').slice(9), 10) * 1024
  const operatorText = env.CONTAINER_MEMORY_MB
  const operatorMB = Number(operatorText)
  const constrained = process.constrainedMemory()
  const container = bytes(operatorText ? mbToBytes(operatorMB) : limit)
  const seen = bytes(hasNoLimit ? machine : limit)
  const workedOut = sized && workedOutLimit(sized, `${command} ${nodeOptions}`, seen, oldSpaceBytes)
  const heapLimitBytes = workedOut || readLimit()
  if (
    // Node takes the lesser of v2's hard and soft limit: one that is the hard one says that no soft one is below it.
    !(hasNoLimit
      ? constrained >= UNBELIEVABLE_BYTES && machine > 0
      : `${limit}\n` === limitText && constrained === limit && limit < machine) ||
    // A container that nothing limits; a number that is not understood, or that the kernel's is below.
    (operatorText
      ? !(operatorMB > 0 && operatorMB < MOST_MB && operatorMB % 1 === 0 && `${operatorMB}` === operatorText)
      : hasNoLimit) ||
    limit < container ||
    // A heap that does not fit.
    heapLimitBytes * 100 > container * warnPercent ||
    container - heapLimitBytes < mbToBytes(NOT_HEAP_LEAST_MB) ||
    (!hasFlag && heapLimitBytes * 2 < container)
  )
    return undefined
  const heapMB = roundedMB(heapLimitBytes)
  const containerMB = roundedMB(container)
  const source = operatorText ? 'env' : isV2 ? 'cgroup-v2' : 'cgroup-v1'
  return {
    heapLimitBytes,
    containerBytes: container,
    source,
    text: `V8's heap limit ${heapMB} MB is ${(Math.round((heapLimitBytes * 100 * 1000) / container) / 1000).toFixed(1)} % of the container's ${containerMB} MB: it fits (the line is ${warnPercent} %), with ${roundedMB(bytes(container - heapLimitBytes))} MB for what is not heap.","version":"${version}","nodeVersion":"${process.version}","isPid1":${pid === 1},"heapLimitMB":${heapMB}${workedOut ? ',"heapLimitSource":"worked-out"' : ''},"heapCeilingMB":${roundedMB(oldSpaceBytes || heapLimitBytes)},"heapCeilingSource":"${hasFlag ? 'flag' : 'heap-size-limit'}","containerMemoryMB":${containerMB},"containerMemorySource":"${source}","containerMemoryPath":"${operatorText ? 'CONTAINER_MEMORY_MB' : file}","heapLimitRatio":${Math.round((heapLimitBytes * 1000) / container) / 1000},"warnRatio":${warnPercent / 100},"verdict":"fits"${seen === container ? '' : `,"nodeSeesMB":${roundedMB(seen)}`}}\n`,
  }
}

const OLD_SPACE = '--max-old-space-size='
/** Words of flags before the one that counts: an option and, where it has no `=`, one value. */
const PLAIN_OLD_SPACE = /^(?:-[^ =]+(?: [^ -][^ ]*)? |-[^ =]+=[^ ]* )*--max-old-space-size=([1-9]\d{0,5})(?: |$)/

/** --max-old-space-size where it is the only flag, or word, of its kind; else undefined. */
function plainOldSpace(command: string, nodeOptions: string, execArgv: readonly string[]): Bytes | undefined {
  'at start'
  const all = `${command} ${nodeOptions}`
  if (nodeOptions.includes('"') || all.indexOf('max') !== all.lastIndexOf('max')) return undefined
  // The first word of NODE_OPTIONS, as in the documented lines; any other place is what the pattern is for.
  const first = Number.parseInt(nodeOptions.slice(OLD_SPACE.length), 10)
  if (first > 0 && first < 1e6 && `${nodeOptions} `.startsWith(`${OLD_SPACE}${first} `)) return mbToBytes(first)
  const mb = PLAIN_OLD_SPACE.exec(command.includes('max') ? command : nodeOptions)?.[1]
  // A word of the command line can hold spaces: code under -e that looks like a flag.
  const isOneWord = nodeOptions.includes('max') || command.split(' ').length === execArgv.length
  return mb !== undefined && isOneWord ? mbToBytes(Number(mb)) : undefined
}

/**
 * cgroup v1, the memory controller at the usual place, which shows the own group either as its top (a container) or at its
 * full path (the host): the limit of the group that lists this process. Throws where none of the two does.
 */
function ownV1File(own: string, pid: number, readText: ReadText): string {
  let folder = V1_MOUNT
  const isOwn = () => `\n${readText(`${folder}/cgroup.procs`)}`.includes(`\n${pid}\n`)
  if (!isOwn()) {
    const at = own.indexOf(':memory:/')
    const path = own.slice(at + 8, own.indexOf('\n', at))
    folder += path
    if (at < 0 || path.includes('..') || JSON.stringify(path).length !== path.length + 2 || !isOwn()) throw folder
  }
  return folder + V1_FILE
}

/** Is no level's limit lower, of those below the mount and of those above it, which only memory.stat knows? */
function isLeastV1(file: string, limitText: string, readText: ReadText): boolean {
  let folder = file.slice(0, -V1_FILE.length)
  if (!readText(`${folder}/memory.stat`).includes(`\nhierarchical_memory_limit ${limitText}`)) return false
  while (folder !== V1_MOUNT) {
    folder = folder.slice(0, folder.lastIndexOf('/'))
    if (!(Number(readText(folder + V1_FILE)) >= Number(limitText))) return false
  }
  return true
}

/** What a line begins with. */
export function quietHead(event: string, sinceEpochMs: number, pid: number): string {
  'at start'
  return `{"time":"${isoTime(sinceEpochMs)}","level":"info","name":"heapguard","event":"${event}","pid":${pid},"msg":"`
}

/** The line of `shutdown` behind its head, as report.ts and record.ts would have it; 0.1 s. */
export function quietEndOf(
  reason: ExitReason,
  exitCode: number,
  rssMB: number,
  heapMB: number,
  uptimeS: number,
): string {
  'at start'
  const why = reason === 'exit' ? '' : ' after an uncaught exception'
  return `The process ends with code ${exitCode}${why}; at most RSS ${rssMB} MB and heap ${heapMB} MB in ${uptimeS} s.","reason":"${reason}","exitCode":${exitCode},"peakRssMB":${rssMB},"peakHeapUsedMB":${heapMB},"uptimeS":${uptimeS}}\n`
}
