// Whose stderr is this? NODE_OPTIONS reaches every node process, and a helper's stderr is often parsed by who started it.
import type { ReadText } from './cgroup.ts'

/** What is asked of this process and of those above it. */
export interface Ancestry {
  readonly pid: number
  readonly readText: ReadText
  readonly descriptors: {
    readonly parentPid: number
    /** The target of a symbolic link; throws where it cannot be read. */
    readonly readLink: (path: string) => string
  }
}

/** A descriptor that somebody else may hold the other end of. */
export interface Outlet {
  readonly fd: number
  readonly isPipeOrSocket: boolean
}

/** `node`, `nodejs`, `node22`, `node (deleted)`: what /proc/<pid>/exe leads to. */
const NODE_BINARY = /\/node[^/]*$/
/** How NODE_OPTIONS and command lines name the guard. */
const GUARD_FILE = 'preload.js'

/**
 * Must this process hold its lines back? It must where a process started it by exec into the container (a chain of
 * parents that ends in 0, which lies outside, without PID 1), and where a node under the guard stands above it whose own
 * descriptor is another one: it captures this one. Both are asked of /proc alone, which takes one or two reads where
 * the parent has never heard of the guard. What cannot be read (another user's process, a permission model) counts as
 * such a node: when in doubt, silence. Never throws.
 */
export function mustHoldBack(
  { pid, readText, descriptors: { parentPid, readLink } }: Ancestry,
  { fd, isPipeOrSocket }: Outlet,
): boolean {
  const isCapturedAbove = (above: number): boolean => {
    if (above === 0) return true
    const folder = `/proc/${above}/`
    const read = (name: string): string => `${readText(folder + name)}`
    // Without the guard up there it came in below, and nobody further up knows of it.
    if (!(read('environ') + read('cmdline')).includes(GUARD_FILE)) return false
    const itsOwn = readLink(`${folder}fd/${fd}`)
    if (itsOwn !== readLink(`/proc/${pid}/fd/${fd}`) && NODE_BINARY.test(readLink(`${folder}exe`))) return true
    // proc_pid_stat(5): `pid (comm) state ppid …`, and comm can hold anything.
    return above !== 1 && isCapturedAbove(Number(/.*\) \S (\d+)/s.exec(read('stat'))?.[1]))
  }
  try {
    return pid !== 1 && (isPipeOrSocket || parentPid === 0) && isCapturedAbove(parentPid)
  } catch {
    return true
  }
}

/**
 * Is it certain that nobody above captures this process's stderr? `stderr` is what /proc/self/fd/2 leads to, `readLink` the
 * target of a link. A container's processes share the pipe of its first one, so that is asked before all else. Where it is
 * false, or throws what cannot be read, mustHoldBack decides.
 */
export function isOwnPipe(
  parentPid: number,
  stderr: string,
  readText: (path: string) => string,
  readLink: (path: string) => string,
): boolean {
  'at start'
  let above = parentPid
  while (readLink(`/proc/${above}/fd/2`) === stderr) {
    if (above === 1) return true
    // proc_pid_stat(5): `pid (comm) state ppid …`, and comm can hold anything.
    const stat = readText(`/proc/${above}/stat`)
    above = Number.parseInt(stat.slice(stat.lastIndexOf(')') + 4), 10)
  }
  // Without the guard up there it came in below, and nobody further up knows of it.
  return !(readText(`/proc/${above}/environ`) + readText(`/proc/${above}/cmdline`)).includes(GUARD_FILE)
}
