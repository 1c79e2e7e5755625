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
const isNode = (binary: string): boolean => binary.slice(binary.lastIndexOf('/')).startsWith('/node')
/** How NODE_OPTIONS and command lines name the guard. */
const GUARD_FILE = 'preload.js'
/** How long lines are held back. A helper that others parse is over by then; a service under a process manager is not. */
export const HOLD_MS = 10_000

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
    if (itsOwn !== readLink(`/proc/${pid}/fd/${fd}`) && isNode(readLink(`${folder}exe`))) return true
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
 * mustHoldBack, where it is certain at a glance; undefined where it is not, or throws what cannot be read: then
 * mustHoldBack decides. `stderr` is what /proc/self/fd/2 leads to, a pipe, a socket or (a path) what nobody can capture;
 * `readLink` the target of a link. A container's processes share the pipe of its first one, so that is asked before all else.
 */
export function isHeldBack(
  parentPid: number,
  stderr: string,
  readText: (path: string) => string,
  readLink: (path: string) => string,
): boolean | undefined {
  'at start'
  // Started by exec into the container.
  if (parentPid === 0) return true
  if (stderr[0] === '/') return false
  let above = parentPid
  while (readLink(`/proc/${above}/fd/2`) === stderr) {
    if (above === 1) return false
    // proc_pid_stat(5): `pid (comm) state ppid …`, and comm can hold anything.
    const stat = readText(`/proc/${above}/stat`)
    above = Number.parseInt(stat.slice(stat.lastIndexOf(')') + 4), 10)
  }
  // Without the guard up there it came in below, and nobody further up knows of it.
  if (!(readText(`/proc/${above}/environ`) + readText(`/proc/${above}/cmdline`)).includes(GUARD_FILE)) return false
  return (above === parentPid && isNode(readLink(`/proc/${above}/exe`))) || undefined
}
