// What the guard needs of Node, in its own words. Tests pass a literal instead.
import type { ReadText } from '../core/cgroup.ts'
import type { SizedProcess } from '../core/heap-size.ts'
import { isoTime } from '../core/iso-time.ts'
import { quietly, statusField } from '../core/kernel-files.ts'
import type { ProcessMemory } from '../core/sample.ts'
import type { ReadVariable } from '../core/settings.ts'
import { type Bytes, bytes, type Millis, millis } from '../core/units.ts'
import { type Descriptors, realDescriptors } from './descriptors.ts'
import { every, type Natives, nativesNow, v8Of } from './natives.ts'
import { withStandardOpen } from './standard.ts'

export interface Host {
  readonly readVariable: ReadVariable
  readonly readText: ReadText
  readonly nodeVersion: string
  readonly pid: number
  readonly execArgv: readonly string[]
  /** What V8 sizes its heap by; undefined where V8 must be asked. */
  readonly sized: SizedProcess | undefined
  /** V8's heap_size_limit, from V8. Throws while the app has replaced what tells it. */
  readonly heapLimit: () => Bytes
  /** All of V8's heap that is in use: one native call, where heapSpaces() is one a space. */
  readonly heapUsed: () => Bytes
  readonly memory: () => ProcessMemory
  /** V8's spaces: name, bytes taken, used and free. */
  readonly heapSpaces: () => readonly {
    readonly space_name: string
    readonly space_size: number
    readonly space_used_size: number
    readonly space_available_size: number
  }[]
  readonly Registry: typeof FinalizationRegistry
  /** The kernel's own high-water mark of RSS. */
  readonly peakRss: () => Bytes
  /** process.constrainedMemory(): a limit, or 0, or a number beyond the machine's memory; undefined before Node 18.15. */
  readonly constrainedMemory: () => number | undefined
  readonly uptime: () => Millis
  /** ISO 8601, UTC. */
  readonly isoTime: () => string
  /** An unref'd interval; returns its undo. */
  readonly every: (interval: Millis, tick: () => void) => () => void
  readonly descriptors: Descriptors
  /** The diagnostics channel on which an app hears the records. */
  readonly records: { readonly hasSubscribers: boolean; readonly publish: (record: unknown) => void }
  /** For evidence that is written where danger calls for it. */
  readonly files: Pick<
    typeof import('node:fs'),
    'openSync' | 'readSync' | 'writeSync' | 'closeSync' | 'ftruncateSync' | 'fstatSync'
  >
}

/** Files of the kernel are short; more than this of one is never looked at. */
const MOST_READ_BYTES = 65_536
/** Most files fit in one page; only a long mountinfo makes the buffer grow. */
const FIRST_READ_BYTES = 4096

/** This process, through what was taken of it at load. */
export function realHost(natives: Natives = nativesNow()): Host {
  const { env, constrainedMemory, memoryUsage, resourceUsage, uptime, now } = natives
  const readText = realReadText(natives)
  return {
    readVariable: name => env[name],
    readText,
    nodeVersion: natives.version,
    pid: natives.pid,
    execArgv: natives.execArgv,
    sized: natives.sized,
    heapLimit: () => bytes(v8Of(natives).getHeapStatistics().heap_size_limit),
    heapUsed: () => bytes(v8Of(natives).getHeapStatistics().used_heap_size),
    memory: () => withStandardOpen(natives, memoryUsage) as unknown as ProcessMemory,
    heapSpaces: () => v8Of(natives).getHeapSpaceStatistics(),
    Registry: natives.FinalizationRegistry,
    // Not what getrusage says, unless there is nothing else: that begins with the parent's, which exec keeps.
    peakRss: () => {
      const kib = Number.parseInt(statusField(quietly(readText)('/proc/self/status') ?? '', 'VmHWM:') ?? '', 10)
      return bytes((kib > 0 ? kib : resourceUsage().maxRSS) * 1024)
    },
    constrainedMemory: () => constrainedMemory?.call(process),
    uptime: () => millis(uptime() * 1000),
    isoTime: () => isoTime(now()),
    every: (interval, tick) => every(natives, interval, tick),
    records: (require('node:diagnostics_channel') as typeof import('node:diagnostics_channel')).channel(
      'heapguard:record',
    ),
    descriptors: realDescriptors(natives),
    files: natives,
  }
}

/** Reads at most 64 KiB of a file, without keeping a descriptor: a kept one would shift the numbers that the app gets. */
function realReadText({ openSync, readSync, closeSync, alloc }: Natives): ReadText {
  let buffer = alloc(FIRST_READ_BYTES)
  return path => {
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // ENODEV: a file of a group that was removed while it was being read.
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return undefined
      throw error
    }
    try {
      let length = 0
      for (;;) {
        // The kernel fills a page a read, so only an empty read is the end.
        const read = readSync(fd, buffer, length, buffer.length - length, null)
        length += read
        if (read === 0 || length === MOST_READ_BYTES) return buffer.toString('utf8', 0, length)
        if (length === buffer.length) {
          const larger = alloc(MOST_READ_BYTES)
          buffer.copy(larger)
          buffer = larger
        }
      }
    } finally {
      closeSync(fd)
    }
  }
}
