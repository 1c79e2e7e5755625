// How much of its memory a group uses, what it is made of, and what the kernel did about it.
import type { MemoryGroup, ReadText } from './cgroup.ts'
import { field, parseWhole, quietly } from './kernel-files.ts'
import { type Bytes, bytes, type Millis, millis, percentToRatio, type Ratio } from './units.ts'

/** What the usage is made of, in bytes, groups below included. A key that the kernel does not give is absent. */
export interface MemorySplit {
  /** Heap, stacks, Buffers: v2 anon, v1 total_rss. */
  readonly anon?: Bytes
  /** Page cache, shmem included: v2 file, v1 total_cache. */
  readonly file?: Bytes
  /** tmpfs, /dev/shm, emptyDir in memory: cannot be reclaimed. */
  readonly shmem?: Bytes
  /** v2 from Linux 5.18. */
  readonly kernel?: Bytes
  /** File pages that wait to be written: file_dirty, total_dirty. */
  readonly dirty?: Bytes
}

/** Counters since the group was made, groups below included: compare with those at boot. Absent where not given. */
export interface MemoryEvents {
  /** Processes that the kernel killed: v2 memory.events, v1 memory.oom_control from Linux 4.13. */
  readonly oomKill?: number
  /** v2: times that the limit could not be kept by reclaiming. */
  readonly oom?: number
  /** v2: times that usage was about to exceed memory.max. */
  readonly max?: number
  /** v2: times that processes were throttled for memory.high. */
  readonly high?: number
}

/** Time lost waiting for memory. */
export interface Stall {
  /** Share of the last ten seconds. */
  readonly avg10Ratio?: Ratio
  /** Since the group was made. */
  readonly totalMs?: Millis
}

/** PSI (v2 memory.pressure): some = at least one task waited, full = all of them did. */
export interface MemoryPressure {
  readonly some?: Stall
  readonly full?: Stall
}

/** One look at a group. Whatever could not be read is absent, never 0. */
export interface ContainerUsage {
  readonly usageBytes?: Bytes
  /** Usage without inactive file pages, what kubelet evicts on; never above usage. */
  readonly workingSetBytes?: Bytes
  readonly split?: MemorySplit
  readonly events?: MemoryEvents
  readonly pressure?: MemoryPressure
}

/**
 * How much to read. calm: usage alone while it is under `belowBytes` (the working set cannot be above it), else
 * memory.stat too. whole: everything, v2 four files, v1 three.
 */
export type UsageDepth = { readonly kind: 'calm'; readonly belowBytes: Bytes } | { readonly kind: 'whole' }

/** Reads a group's usage in bytes; each file is opened, read and closed. Never throws: a file that is gone is absent. */
export function readUsage(readText: ReadText, group: MemoryGroup, depth: UsageDepth): ContainerUsage {
  const v1 = group.version === 'cgroup-v1'
  const read = quietly(readText)
  const file = (name: string) => read(`${group.folder}/memory.${name}`)
  const usageBytes = sizeIn(file(v1 ? 'usage_in_bytes' : 'current'))
  if (depth.kind === 'calm' && (usageBytes === undefined || usageBytes < depth.belowBytes))
    return present({ usageBytes })
  const stat = numbersIn(file('stat'))
  // v1 has each key twice, the one with total_ includes the groups below.
  const inactiveFile = stat('total_inactive_file') ?? stat('inactive_file')
  const usage = {
    usageBytes,
    workingSetBytes:
      usageBytes === undefined || inactiveFile === undefined
        ? undefined
        : bytes(Math.max(0, usageBytes - inactiveFile)),
    split: some({
      anon: stat(v1 ? 'total_rss' : 'anon'),
      file: stat(v1 ? 'total_cache' : 'file'),
      shmem: stat(v1 ? 'total_shmem' : 'shmem'),
      kernel: stat('kernel'),
      dirty: stat(v1 ? 'total_dirty' : 'file_dirty'),
    }),
  }
  if (depth.kind === 'calm') return present(usage)
  const event = numbersIn(file(v1 ? 'oom_control' : 'events'))
  // v1 has no pressure stall information: /proc/pressure/memory is the machine's.
  const pressure = v1 ? undefined : file('pressure')
  return present({
    ...usage,
    events: some({ oomKill: event('oom_kill'), oom: event('oom'), max: event('max'), high: event('high') }),
    pressure: some({ some: stall(pressure, 'some'), full: stall(pressure, 'full') }),
  })
}

/** The group's oom_kill counter alone; undefined: not given, or not readable. Never throws. */
export const readOomKills = (readText: ReadText, { version, folder }: MemoryGroup): number | undefined =>
  numbersIn(quietly(readText)(`${folder}/memory.${version === 'cgroup-v1' ? 'oom_control' : 'events'}`))('oom_kill')

function sizeIn(text: string | undefined): Bytes | undefined {
  const value = parseWhole((text ?? '').trim())
  return value === undefined ? undefined : bytes(value)
}

// Lines of `key number`: `anon 1048576`.
const numbersIn =
  (text = '') =>
  (key: string) =>
    sizeIn(field(text, key))

// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, percent and microseconds.
function stall(text: string | undefined, kind: string): Stall | undefined {
  const words = (field(text ?? '', kind) ?? '').split(' ')
  const value = (key: string) => words.find(word => word.startsWith(key))?.slice(key.length) ?? ''
  const percent = value('avg10=')
  const isShare = /^\d{1,3}\.\d\d$/.test(percent) && Number(percent) <= 100
  const micros = parseWhole(value('total='))
  return some({
    avg10Ratio: isShare ? percentToRatio(Number(percent)) : undefined,
    totalMs: micros === undefined ? undefined : millis(micros / 1000),
  })
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

// Leaves out the keys that are undefined.
function present<T extends object>(record: T): Present<T> {
  const left: { [K in keyof T]?: T[K] } = {}
  for (const key of Object.keys(record) as (keyof T)[]) if (record[key] !== undefined) left[key] = record[key]
  return left as Present<T>
}

// The same, and undefined when nothing is left.
function some<T extends object>(record: T): Present<T> | undefined {
  const left = present(record)
  return Object.keys(left).length > 0 ? left : undefined
}
