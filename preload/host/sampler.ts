// One look: the process through Node, the container through the kernel's files.
import type { Companion } from '../core/cause.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import { field } from '../core/kernel-files.ts'
import type { ProcessMemory, Sample } from '../core/sample.ts'
import { type Bytes, bytes, mbToBytes } from '../core/units.ts'
import { readUsage, type UsageDepth } from '../core/usage.ts'
import type { Host } from './host.ts'

/**
 * Takes one sample. A calm one of a container that is under `belowBytes` has only heapUsed anew of what Node says: the
 * rest, RSS above all, is that of the sample before [measured: it would be a fifth of the pulse's cost]. Throws only what
 * process.memoryUsage or V8 throws.
 */
export type TakeSample = (group: MemoryGroup | undefined, depth: UsageDepth) => Sample

/** Returns the function that takes samples; it counts V8's major collections from now on. */
export function openSampler(host: Host): TakeSample {
  const majorCollections = countMajorCollections(host.Registry)
  const heapLimitBytes = host.heapLimit()
  let last: ProcessMemory | undefined
  return (group, depth) => {
    const container = group === undefined ? {} : readUsage(host.readText, group, depth)
    const { heapUsed, oldSpaceBytes, oldCapacityBytes } = heapLevels(host)
    const { usageBytes } = container
    const isCalm = depth.kind === 'calm' && usageBytes !== undefined && usageBytes < depth.belowBytes
    last = isCalm && last !== undefined ? { ...last, heapUsed } : host.memory()
    return {
      memory: last,
      heapLimitBytes,
      oldSpaceBytes,
      oldCapacityBytes,
      majorCollections: majorCollections(),
      container,
      uptimeMs: host.uptime(),
    }
  }
}

/**
 * An object that nothing holds lives until the next major collection: a scavenge keeps what a registry watches. That
 * tells of collections without a PerformanceObserver (nodejs/node#62721) and without a flag. The callback is V8's own
 * task, unref'd; it holds one object.
 */
function countMajorCollections(Registry: typeof FinalizationRegistry): () => number {
  let count = 0
  const registry = new Registry<undefined>(() => {
    count++
    registry.register({}, undefined)
  })
  registry.register({}, undefined)
  return () => count
}

function heapLevels(host: Host): Pick<Sample, 'oldSpaceBytes' | 'oldCapacityBytes'> & { readonly heapUsed: Bytes } {
  let all = 0
  let young = 0
  let capacity = 0
  // new_space and new_large_object_space are the young generation.
  for (const { space_name, space_size, space_used_size } of host.heapSpaces()) {
    all += space_used_size
    if (space_name.startsWith('new')) young += space_used_size
    else capacity += space_size
  }
  return { heapUsed: bytes(all), oldSpaceBytes: bytes(all - young), oldCapacityBytes: bytes(capacity) }
}

/** More processes are not looked through. */
const MOST_COMPANIONS = 128

/** The other processes of a group, the largest first, as far as they can be read. Never throws. */
export function companionsIn({ readText, pid }: Host, { folder }: MemoryGroup): readonly Companion[] {
  const read = (path: string): string => {
    try {
      return readText(path) ?? ''
    } catch {
      // Another user's process, or one that ended just now.
      return ''
    }
  }
  const found: Companion[] = []
  for (const line of read(`${folder}/cgroup.procs`).split('\n', MOST_COMPANIONS)) {
    // 0: a process outside of this namespace.
    const other = Number(line)
    if (!(other > 0) || other === pid) continue
    // `VmRSS:	   51234 kB`; statm counts pages, whose size is not known here.
    const status = read(`/proc/${other}/status`).replaceAll('\t', ' ')
    const kib = Number.parseInt(field(status, 'VmRSS:') ?? '', 10)
    // Node from 24 on renames its main thread, and with it the process.
    const name = (field(status, 'Name:') ?? '').replace(/^(node-)?MainThread$/, 'node')
    if (kib > 0) found.push({ pid: other, name, rssBytes: mbToBytes(kib / 1024) })
  }
  return found.sort((a, b) => b.rssBytes - a.rssBytes)
}

/** Threads of this process; undefined where /proc does not tell. Never throws. */
export function threadCount({ readText }: Host): number | undefined {
  try {
    const count = Number(field((readText('/proc/self/status') ?? '').replaceAll('\t', ' '), 'Threads:'))
    return count > 0 ? count : undefined
  } catch {
    return undefined
  }
}
