// What start-up says where all is plain: no setting, one of three common layouts of the container's files, a heap that
// fits. The short way to what cgroup.ts, flags.ts, budget.ts, assess.ts and report.ts find out in any surroundings:
// wherever these lines would differ by a character, or it cannot be told cheaply that they would not, the answer is
// undefined and the long way is taken (test/core/quiet.property.test.ts holds the two to each other).
import { memoryNodeSees } from './budget.ts'
import { parseLimit, parseMachineBytes, parseWhole, UNBELIEVABLE_BYTES } from './kernel-files.ts'
import { mb, percent, type RunEnd } from './report.ts'
import { type Bytes, bytes, mbToBytes, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

export interface QuietFacts {
  /** Throws for what is not there or cannot be read. */
  readonly readText: (path: string) => string
  readonly nodeOptions: string | undefined
  readonly execArgv: readonly string[]
  /** CONTAINER_MEMORY_MB as set. */
  readonly operatorText: string | undefined
  /** process.constrainedMemory(). */
  readonly constrained: number
  readonly heapLimitBytes: Bytes
}

/** A heap that fits. */
export interface QuietBudget {
  readonly heapLimitBytes: Bytes
  /** --max-old-space-size; none: V8 has chosen. */
  readonly oldSpace: Bytes | 'none'
  readonly containerBytes: Bytes
  readonly source: 'env' | 'cgroup-v2' | 'cgroup-v1'
  readonly path: string
  readonly nodeSeesBytes: Bytes | undefined
}

/** Whom a line is from. */
export interface QuietStamp {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly pid: number
}

const WARN_PERCENT = 85
const NOT_HEAP_LEAST_MB = 64
const MOST_MB = 1e6

interface KernelLimit {
  readonly limitBytes: Bytes | 'none'
  readonly source: 'cgroup-v2' | 'cgroup-v1'
  readonly path: string
}

/** The budget, where it fits and everything about it is plain; else undefined. Throws what `readText` throws. */
export function quietBudgetOf(facts: QuietFacts): QuietBudget | undefined {
  const { readText, execArgv, heapLimitBytes, constrained, operatorText } = facts
  // Where both set one, which of them counts hangs on which it is.
  const command = execArgv.join(' ')
  const inCommand = plainOldSpace(command)
  const inOptions = plainOldSpace(facts.nodeOptions ?? '')
  if (inCommand === undefined || inOptions === undefined || (inCommand !== 'none' && inOptions !== 'none'))
    return undefined
  // A word of the command line can hold spaces: code under -e that looks like a flag.
  if (inCommand !== 'none' && command.split(' ').length > execArgv.length) return undefined
  const oldSpace = inCommand === 'none' ? inOptions : inCommand
  const own = readText('/proc/self/cgroup')
  const kernel = own === '0::/\n' ? plainV2(readText) : plainV1(own, readText)
  if (kernel === undefined) return undefined
  const { limitBytes } = kernel
  const machineBytes = parseMachineBytes(readText('/proc/meminfo'))
  const nodeSeesBytes = memoryNodeSees(constrained, machineBytes)
  // Node takes the lesser of v2's hard and soft limit: one that is the hard one says that no soft one is below it.
  if (
    limitBytes === 'none' ? constrained < UNBELIEVABLE_BYTES : constrained !== limitBytes || limitBytes >= machineBytes
  )
    return undefined
  const operatorMB = operatorText === undefined ? undefined : parseWhole(operatorText)
  if (operatorText !== undefined && !(operatorMB !== undefined && operatorMB > 0 && operatorMB < MOST_MB))
    return undefined
  const containerBytes = operatorMB === undefined ? limitBytes : mbToBytes(operatorMB)
  if (containerBytes === 'none' || (limitBytes !== 'none' && limitBytes < containerBytes)) return undefined
  const isFitting =
    heapLimitBytes * 100 <= containerBytes * WARN_PERCENT &&
    containerBytes - heapLimitBytes >= mbToBytes(NOT_HEAP_LEAST_MB) &&
    (oldSpace !== 'none' || heapLimitBytes * 2 >= containerBytes)
  if (!isFitting) return undefined
  return {
    heapLimitBytes,
    oldSpace,
    containerBytes,
    source: operatorMB === undefined ? kernel.source : 'env',
    path: operatorMB === undefined ? kernel.path : 'CONTAINER_MEMORY_MB',
    nodeSeesBytes: nodeSeesBytes === containerBytes ? undefined : nodeSeesBytes,
  }
}

/** Words of flags before the one that counts: an option and, where it has no `=`, one value. */
const PLAIN_OLD_SPACE = /^(?:-[^ =]+(?: [^ -][^ ]*)? |-[^ =]+=[^ ]* )*--max-old-space-size=([1-9]\d{0,5})(?: |$)/

/** All of V8's heap flags have `max` in their names. Quotes, which only NODE_OPTIONS knows, could hide it. */
function plainOldSpace(options: string): Bytes | 'none' | undefined {
  if (options.includes('"')) return undefined
  const at = options.indexOf('max')
  if (at < 0) return 'none'
  const mb = at === options.lastIndexOf('max') ? PLAIN_OLD_SPACE.exec(options)?.[1] : undefined
  return mb === undefined ? undefined : mbToBytes(Number(mb))
}

/** A container of cgroup v2 with a namespace of its own, as container runtimes make it: one visible level. */
function plainV2(readText: QuietFacts['readText']): KernelLimit | undefined {
  const path = '/sys/fs/cgroup/memory.max'
  const limitBytes = parseLimit(readText(path))
  return limitBytes === undefined ? undefined : { limitBytes, source: 'cgroup-v2', path }
}

const PLACE = ' /sys/fs/cgroup/memory '
const CONTROLLER = ' - cgroup cgroup rw,memory\n'

/**
 * cgroup v1, the memory controller alone on its mount at the usual place, which shows the own group either as its top (a
 * container) or at its full path (the host).
 */
function plainV1(own: string, readText: QuietFacts['readText']): KernelLimit | undefined {
  const path = /^\d+:memory:(\/[\w/.-]*)$/m.exec(own)?.[1]
  if (path === undefined || path.includes('..') || own.indexOf('memory') !== own.lastIndexOf('memory')) return undefined
  const mountinfo = readText('/proc/self/mountinfo')
  // `35 31 0:32 /root /sys/fs/cgroup/memory rw,relatime … - cgroup cgroup rw,memory`; no pattern, the text is long. One line
  // has the controller, and it is the one of the usual place.
  const place = mountinfo.indexOf(PLACE)
  const lineStart = mountinfo.lastIndexOf('\n', place) + 1
  const lineEnd = mountinfo.indexOf('\n', place)
  const options = mountinfo.indexOf(CONTROLLER, place)
  const root = mountinfo.slice(lineStart, place).split(' ')[3]
  const isPlain =
    place > 0 &&
    options > 0 &&
    options + CONTROLLER.length - 1 === lineEnd &&
    mountinfo.indexOf(PLACE, lineEnd) < 0 &&
    mountinfo.lastIndexOf('memory\n') + 'memory\n'.length - 1 === lineEnd &&
    mountinfo.lastIndexOf(',memory') === lineEnd - ',memory'.length &&
    mountinfo.indexOf(',memory') === lineEnd - ',memory'.length
  if (!isPlain || mountinfo.includes(' /proc/meminfo ')) return undefined
  const mountPoint = PLACE.trim()
  let below = root === path ? '' : path
  if (below !== '' && root !== '/') return undefined
  let least: KernelLimit | undefined
  const stat = `\n${readText(`${mountPoint}${below}/memory.stat`)}`
  for (;;) {
    const file = `${mountPoint}${below}/memory.limit_in_bytes`
    const limitBytes = parseLimit(readText(file))
    if (limitBytes === undefined) return undefined
    if (
      least === undefined ||
      (limitBytes !== 'none' && (least.limitBytes === 'none' || limitBytes < least.limitBytes))
    )
      least = { limitBytes, source: 'cgroup-v1', path: file }
    if (below === '') break
    below = below.slice(0, below.lastIndexOf('/'))
  }
  // The least of all levels, those above the mount too.
  const [, all = ''] = stat.split('\nhierarchical_memory_limit ')
  return parseLimit(all.slice(0, all.indexOf('\n'))) === least.limitBytes ? least : undefined
}

const head = (event: string, { time, pid }: QuietStamp): string =>
  `{"time":"${time}","level":"info","name":"heapguard","event":"${event}","pid":${pid},"msg":"`

/** The line of `heap-validated`, as report.ts and record.ts would have it. */
export function quietlyValidated(budget: QuietBudget, stamp: QuietStamp, version: string, nodeVersion: string): string {
  const { heapLimitBytes, containerBytes, oldSpace, nodeSeesBytes } = budget
  const heapMB = mb(heapLimitBytes)
  const containerMB = mb(containerBytes)
  const share = `V8's heap limit ${heapMB} is ${percent(heapLimitBytes, containerBytes)} of the container's ${containerMB}`
  const judgement = `it fits (the line is ${WARN_PERCENT} %), with ${mb(bytes(containerBytes - heapLimitBytes))} for what is not heap.`
  return `${head('heap-validated', stamp)}${share}: ${judgement}","version":"${version}","nodeVersion":"${nodeVersion}","isPid1":${stamp.pid === 1},"heapLimitMB":${roundedMB(heapLimitBytes)},"heapCeilingMB":${roundedMB(oldSpace === 'none' ? heapLimitBytes : oldSpace)},"heapCeilingSource":"${oldSpace === 'none' ? 'heap-size-limit' : 'flag'}","containerMemoryMB":${roundedMB(containerBytes)},"containerMemorySource":"${budget.source}","containerMemoryPath":"${budget.path}","heapLimitRatio":${roundedRatio(heapLimitBytes, containerBytes)},"warnRatio":${WARN_PERCENT / 100},"verdict":"fits"${nodeSeesBytes === undefined ? '' : `,"nodeSeesMB":${roundedMB(nodeSeesBytes)}`}}\n`
}

/** The line of `shutdown`, as report.ts and record.ts would have it. */
export function quietlyEnded(end: RunEnd, stamp: QuietStamp): string {
  const { exitCode, reason } = end
  const uptimeS = roundedSeconds(end.uptimeMs)
  const why = reason === 'uncaught' ? ' after an uncaught exception' : ''
  return `${head('shutdown', stamp)}The process ends with code ${exitCode}${why}; at most RSS ${mb(end.peakRssBytes)} and heap ${mb(end.peakHeapUsedBytes)} in ${uptimeS} s.","reason":"${reason}","exitCode":${exitCode},"peakRssMB":${roundedMB(end.peakRssBytes)},"peakHeapUsedMB":${roundedMB(end.peakHeapUsedBytes)},"uptimeS":${uptimeS}}\n`
}
