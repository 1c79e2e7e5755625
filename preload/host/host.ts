// What the guard needs of Node, gathered in one place and taken at load: an app that replaces a global, a method of fs
// or a clock afterwards (fake timers, a patched Date) changes nothing here. Tests pass a literal instead.
import type { ReadText } from '../core/cgroup.ts'
import type { ProcessMemory } from '../core/sample.ts'
import type { ReadVariable } from '../core/settings.ts'
import { type Bytes, bytes, type Millis, millis } from '../core/units.ts'
import { type Descriptors, realDescriptors } from './descriptors.ts'

export interface Host {
  readonly readVariable: ReadVariable
  readonly readText: ReadText
  readonly nodeVersion: string
  readonly pid: number
  readonly execArgv: readonly string[]
  /** V8's heap_size_limit now. */
  readonly heapLimit: () => Bytes
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
  /** For evidence that is written where danger calls for it. */
  readonly files: Pick<typeof import('node:fs'), 'openSync' | 'readSync' | 'writeSync' | 'closeSync' | 'ftruncateSync'>
}

/** Files of the kernel are short; more than this of one is never looked at. */
const MOST_READ_BYTES = 65_536
/** Most files fit in one page; only a long mountinfo makes the buffer grow. */
const FIRST_READ_BYTES = 4096

/** This process. Loads node:v8, which is not in Node's start-up snapshot, so it is made after the gate. */
export function realHost(): Host {
  const { getHeapStatistics, getHeapSpaceStatistics } = require('node:v8') as typeof import('node:v8')
  const { openSync, readSync, writeSync, closeSync, ftruncateSync } = require('node:fs') as typeof import('node:fs')
  const files = { openSync, readSync, writeSync, closeSync, ftruncateSync }
  const { memoryUsage, resourceUsage, uptime, env } = process
  const constrainedMemory: (() => number) | undefined = process.constrainedMemory
  const { setInterval, clearInterval, Date: RealDate, FinalizationRegistry: Registry } = globalThis
  const toIsoString: (date: Date) => string = Function.prototype.call.bind(Date.prototype.toISOString)
  return {
    readVariable: name => env[name],
    readText: realReadText(files),
    nodeVersion: process.version,
    pid: process.pid,
    execArgv: process.execArgv,
    heapLimit: () => bytes(getHeapStatistics().heap_size_limit),
    memory: () => memoryUsage() as unknown as ProcessMemory,
    heapSpaces: getHeapSpaceStatistics,
    Registry,
    peakRss: () => bytes(resourceUsage().maxRSS * 1024),
    constrainedMemory: () => constrainedMemory?.call(process),
    uptime: () => millis(uptime() * 1000),
    isoTime: () => toIsoString(new RealDate()),
    every: (interval, tick) => {
      const timer = setInterval(() => {
        try {
          tick()
        } catch {
          // What throws in a timer ends the app: no fault of the guard's gets that far.
        }
      }, interval)
      timer.unref()
      return () => clearInterval(timer)
    },
    descriptors: realDescriptors(),
    files,
  }
}

/** Reads at most 64 KiB of a file, without keeping a descriptor: a kept one would shift the numbers that the app gets. */
function realReadText({ openSync, readSync, closeSync }: Host['files']): ReadText {
  const { alloc } = Buffer
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
