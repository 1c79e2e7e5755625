// One look: the process through Node, the container through the kernel's files.
import type { Glance } from '../core/calm.ts'
import type { Companion } from '../core/cause.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import { statusField } from '../core/kernel-files.ts'
import type { Sample } from '../core/sample.ts'
import { type Bytes, bytes, mbToBytes, millis } from '../core/units.ts'
import { readUsage } from '../core/usage.ts'
import { openGlanceReader } from './glancer.ts'
import type { Host } from './host.ts'

export interface Sampler {
  /** All that Node, V8 and the group's files say. Throws only what process.memoryUsage or V8 throws. */
  readonly whole: (group: MemoryGroup | undefined) => Sample
  readonly oldSpace: () => Bytes
  /** What a calm pulse needs to stay calm. Throws what V8 throws. */
  readonly glance: (group: MemoryGroup | undefined) => Glance
}

/** Takes samples from now on, and counts V8's major collections; tells of each just after it. */
export function openSampler(host: Host, onCollected: () => void): Sampler {
  const majorCollections = countMajorCollections(host, onCollected)
  const heapLimitBytes = host.heapLimit()
  const reader = openGlanceReader(host)
  return {
    whole: group => {
      const container = group === undefined ? {} : readUsage(host.readText, group, { kind: 'whole' })
      const { oldSpaceBytes, oldCapacityBytes } = heapLevels(host)
      return {
        memory: host.memory(),
        heapLimitBytes,
        oldSpaceBytes,
        oldCapacityBytes,
        majorCollections: majorCollections(),
        container,
        uptimeMs: host.uptime(),
      }
    },
    oldSpace: () => heapLevels(host).oldSpaceBytes,
    glance: group => {
      const usageBytes = group === undefined ? undefined : reader.usage(group)
      return {
        heapUsedBytes: host.heapUsed(),
        majorCollections: majorCollections(),
        usageBytes,
        uptimeMs: host.uptime(),
      }
    },
  }
}

/** The next collection is waited for no sooner than this after the last one was … */
const REARM_MS = 50
/** … and where so many in a row came sooner, twice as long from one to the next … */
const SOON_IN_A_ROW = 8
/** … up to this. */
const MOST_REST_MS = 1000

/**
 * An object that nothing holds lives until the next major collection: a scavenge keeps what a registry watches. That
 * tells of collections without a PerformanceObserver (nodejs/node#62721) and without a flag. The callback is V8's own
 * task, unref'd; it holds one object. What throws in it would be the app's uncaught exception.
 *
 * A heap that is over its limit collects at whatever is allocated. An object made in each callback would call for the
 * next collection, that for the next callback, and no timer of the app's would ever fire [seen: Node 24, 64 MB]. So one
 * that comes too soon is only noted, and the next object is made by a timer: each that is made there costs a collection.
 */
function countMajorCollections({ Registry, uptime, every }: Host, onCollected: () => void): () => number {
  let count = 0
  let armedAt = 0
  let soon = 0
  const arm = (): void => {
    armedAt = uptime()
    registry.register({}, undefined)
  }
  const registry = new Registry<undefined>(() => {
    count++
    try {
      soon = uptime() - armedAt < REARM_MS ? soon + 1 : 0
      if (soon === 0) arm()
      else {
        const restMs = Math.min(REARM_MS * 2 ** Math.max(0, soon - SOON_IN_A_ROW), MOST_REST_MS)
        const stop = every(millis(restMs), () => {
          stop()
          arm()
        })
      }
      onCollected()
    } catch {
      // A look that failed is said by the clock's next one.
    }
  })
  arm()
  return () => count
}

function heapLevels(host: Host): Pick<Sample, 'oldSpaceBytes' | 'oldCapacityBytes'> {
  let used = 0
  let capacity = 0
  for (const { space_name, space_size, space_used_size } of host.heapSpaces()) {
    // new_space and new_large_object_space are the young generation.
    if (space_name.startsWith('new')) continue
    used += space_used_size
    capacity += space_size
  }
  return { oldSpaceBytes: bytes(used), oldCapacityBytes: bytes(capacity) }
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
    // Not statm, which counts pages, whose size is not known here.
    const status = read(`/proc/${other}/status`)
    const kib = Number.parseInt(statusField(status, 'VmRSS:') ?? '', 10)
    // Node from 24 on renames its main thread, and with it the process.
    const name = (statusField(status, 'Name:') ?? '').replace(/^(node-)?MainThread$/, 'node')
    if (kib > 0) found.push({ pid: other, name, rssBytes: mbToBytes(kib / 1024) })
  }
  return found.sort((a, b) => b.rssBytes - a.rssBytes)
}

/** Threads of this process; undefined where /proc does not tell. Never throws. */
export function threadCount({ readText }: Host): number | undefined {
  try {
    const count = Number(statusField(readText('/proc/self/status') ?? '', 'Threads:'))
    return count > 0 ? count : undefined
  } catch {
    return undefined
  }
}
