// What start-up says where all is plain: no setting, one of three common layouts of the container's files, a heap that
// fits. The short way to what cgroup.ts, flags.ts, budget.ts, assess.ts and report.ts find out in any surroundings:
// wherever these lines would differ by a character, or it cannot be told cheaply that they would not, the answer is
// undefined and the long way is taken (test/core/quiet.property.test.ts holds the two to each other). Texts are compared
// with the shape that they usually have, and numbers printed again, since a parser costs more than all that it is used for.
import { isoTime } from './iso-time.ts'
import { UNBELIEVABLE_BYTES } from './kernel-files.ts'
import type { ExitReason } from './report.ts'
import { type Bytes, bytes, mbToBytes, roundedMB } from './units.ts'

export interface QuietFacts {
  /** Throws for what is not there or cannot be read. */
  readonly readText: (path: string) => string
  readonly nodeOptions: string
  readonly execArgv: readonly string[]
  /** execArgv with a space between two. */
  readonly command: string
  /** CONTAINER_MEMORY_MB as set; absent or empty: not set. */
  readonly operatorText: string | undefined
  /** process.constrainedMemory(). */
  readonly constrained: number
  readonly heapLimitBytes: Bytes
  /** The guard's own. */
  readonly version: string
  readonly nodeVersion: string
}

/** A heap that fits, and the words for it. */
export interface QuietBudget {
  readonly containerBytes: Bytes
  readonly source: 'env' | 'cgroup-v2' | 'cgroup-v1'
  /** The line of `heap-validated` behind its head, as report.ts and record.ts would have it. */
  readonly text: string
}

const WARN_PERCENT = 85
const NOT_HEAP_LEAST_MB = 64
const MOST_MB = 1e6
const NO_V2_LIMIT = 'max\n'
/** The largest multiple of a page of 4 KiB. */
const NO_V1_LIMIT = '9223372036854771712\n'
const V2_FILE = '/sys/fs/cgroup/memory.max'
const V1_MOUNT = '/sys/fs/cgroup/memory'
const V1_FILE = '/memory.limit_in_bytes'

/** The budget, where it fits and everything about it is plain; else undefined. Throws what `readText` throws. */
export function quietBudgetOf(facts: QuietFacts, pid: number): QuietBudget | undefined {
  'at start'
  const { readText, operatorText, constrained, heapLimitBytes } = facts
  // All of V8's heap flags have `max` in their names. Quotes, which only NODE_OPTIONS knows, could hide it.
  const hasFlag = (facts.command + facts.nodeOptions).includes('max') || facts.nodeOptions.includes('"')
  const oldSpaceBytes = hasFlag ? plainOldSpace(facts) : heapLimitBytes
  if (oldSpaceBytes === undefined) return undefined
  const own = readText('/proc/self/cgroup')
  const isV2 = own === '0::/\n'
  const level = isV2 ? { file: V2_FILE, limitText: readText(V2_FILE) } : plainV1(own, readText)
  if (level === undefined) return undefined
  const { file, limitText } = level
  const limit = Number(limitText)
  const hasNoLimit = limitText === NO_V1_LIMIT || limitText === NO_V2_LIMIT
  // `MemTotal:       24684096 kB`, the first line.
  const machine = Number.parseInt(readText('/proc/meminfo').slice(9), 10) * 1024
  const operatorMB = Number(operatorText)
  const container = bytes(operatorText ? mbToBytes(operatorMB) : limit)
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
    heapLimitBytes * 100 > container * WARN_PERCENT ||
    container - heapLimitBytes < mbToBytes(NOT_HEAP_LEAST_MB) ||
    (!hasFlag && heapLimitBytes * 2 < container)
  )
    return undefined
  const heapMB = roundedMB(heapLimitBytes)
  const containerMB = roundedMB(container)
  const seen = bytes(hasNoLimit ? machine : limit)
  const source = operatorText ? 'env' : isV2 ? 'cgroup-v2' : 'cgroup-v1'
  return {
    containerBytes: container,
    source,
    text: `V8's heap limit ${heapMB} MB is ${(Math.round((heapLimitBytes * 100 * 1000) / container) / 1000).toFixed(1)} % of the container's ${containerMB} MB: it fits (the line is ${WARN_PERCENT} %), with ${roundedMB(bytes(container - heapLimitBytes))} MB for what is not heap.","version":"${facts.version}","nodeVersion":"${facts.nodeVersion}","isPid1":${pid === 1},"heapLimitMB":${heapMB},"heapCeilingMB":${roundedMB(oldSpaceBytes)},"heapCeilingSource":"${hasFlag ? 'flag' : 'heap-size-limit'}","containerMemoryMB":${containerMB},"containerMemorySource":"${source}","containerMemoryPath":"${operatorText ? 'CONTAINER_MEMORY_MB' : file}","heapLimitRatio":${Math.round((heapLimitBytes * 1000) / container) / 1000},"warnRatio":${WARN_PERCENT / 100},"verdict":"fits"${seen === container ? '' : `,"nodeSeesMB":${roundedMB(seen)}`}}\n`,
  }
}

/** The file of the limit that holds, and what it says. */
interface Level {
  readonly file: string
  readonly limitText: string
}

/** Words of flags before the one that counts: an option and, where it has no `=`, one value. */
const PLAIN_OLD_SPACE = /^(?:-[^ =]+(?: [^ -][^ ]*)? |-[^ =]+=[^ ]* )*--max-old-space-size=([1-9]\d{0,5})(?: |$)/

/** --max-old-space-size where it is the only flag, or word, of its kind; else undefined. */
function plainOldSpace({ command, nodeOptions, execArgv }: QuietFacts): Bytes | undefined {
  const all = `${command} ${nodeOptions}`
  if (nodeOptions.includes('"') || all.indexOf('max') !== all.lastIndexOf('max')) return undefined
  const mb = PLAIN_OLD_SPACE.exec(command.includes('max') ? command : nodeOptions)?.[1]
  // A word of the command line can hold spaces: code under -e that looks like a flag.
  const isOneWord = nodeOptions.includes('max') || command.split(' ').length === execArgv.length
  return mb !== undefined && isOneWord ? mbToBytes(Number(mb)) : undefined
}

/**
 * cgroup v1, the memory controller alone on its mount at the usual place, which shows the own group either as its top (a
 * container) or at its full path (the host). The file of the own group's limit, where no level has a lower one.
 */
function plainV1(own: string, readText: QuietFacts['readText']): Level | undefined {
  const at = own.indexOf(':memory:/')
  const path = own.slice(at + 8, own.indexOf('\n', at))
  const mountinfo = readText('/proc/self/mountinfo')
  // `35 31 0:32 /root /sys/fs/cgroup/memory rw,relatime … - cgroup cgroup rw,memory`: one line has the controller, and
  // it is the one of the usual place.
  const place = mountinfo.indexOf(` ${V1_MOUNT} `)
  const lineEnd = mountinfo.indexOf('\n', place)
  const options = lineEnd - ',memory'.length
  const before = mountinfo.slice(mountinfo.lastIndexOf('\n', place) + 1, place)
  const root = before.slice(before.indexOf(' ', before.indexOf(':')) + 1)
  if (
    at < 0 ||
    place < 0 ||
    own.lastIndexOf('memory') !== at + 1 ||
    own.indexOf('memory') !== at + 1 ||
    path.includes('..') ||
    path.includes(' ') ||
    JSON.stringify(path).length !== path.length + 2 ||
    !mountinfo.endsWith(' - cgroup cgroup rw,memory', lineEnd) ||
    mountinfo.indexOf(',memory') !== options ||
    mountinfo.lastIndexOf('memory\n') !== options + 1 ||
    mountinfo.indexOf(` ${V1_MOUNT} `, lineEnd) > 0 ||
    mountinfo.includes(' /proc/meminfo ') ||
    (root !== path && root !== '/')
  )
    return undefined
  let folder = V1_MOUNT + (root === path ? '' : path)
  const file = folder + V1_FILE
  const limitText = readText(file)
  // The least of all levels, those above the mount too.
  if (!readText(`${folder}/memory.stat`).includes(`\nhierarchical_memory_limit ${limitText}`)) return undefined
  while (folder !== V1_MOUNT) {
    folder = folder.slice(0, folder.lastIndexOf('/'))
    if (!(Number(readText(folder + V1_FILE)) >= Number(limitText))) return undefined
  }
  return { file, limitText }
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
