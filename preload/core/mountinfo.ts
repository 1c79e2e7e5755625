// /proc/self/mountinfo: where the kernel's memory controllers are mounted, and which part of their tree that shows.
import type { MemoryGroup } from './cgroup.ts'

export interface Mount {
  /** undefined: it does not hold the memory controller. */
  readonly version: MemoryGroup['version'] | undefined
  /** Absolute, decoded; '' where it is mounted on /. */
  readonly mountPoint: string
  /** What the mount point shows; for cgroups the group, as /proc/self/cgroup would name it: `/`, `/docker/abc`, `/../..`. */
  readonly root: string
}

/**
 * Parses mountinfo into mounts by mount point: a later line covers an earlier one at the same place. Lines that do not
 * look like it are skipped. Format (proc_pid_mountinfo(5)), with any number of optional fields before the ` - `:
 * `36 35 98:0 /root /mount/point rw,noatime shared:1 master:2 - cgroup cgroup rw,memory`
 */
export function parseMountinfo(text: string): ReadonlyMap<string, Mount> {
  const mounts = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    // Spaces of a path are written \040, so the first ' - ' is the separator. After it a 9p line can hold anything.
    const [fields = '', filesystem = ''] = line.split(' - ')
    const [, , , root, mountPoint] = fields.split(' ')
    const [type, , options = ''] = filesystem.split(' ')
    if (root === undefined || mountPoint === undefined) continue
    // Co-mounted controllers share one line: `rw,cpu,memory`.
    const hasV1Memory = type === 'cgroup' && options.split(',').includes('memory')
    mounts.set(mountPoint, {
      version: type === 'cgroup2' ? 'cgroup-v2' : hasV1Memory ? 'cgroup-v1' : undefined,
      mountPoint: mountPoint === '/' ? '' : unescaped(mountPoint),
      root: unescaped(root),
    })
  }
  return mounts
}

/** What is left of a group's path below a mount's root: '' or '/a/b'. undefined: the mount does not show that group. */
export function pathBelow(root: string, groupPath: string): string | undefined {
  const prefix = root === '/' ? '' : root
  const below = groupPath === '/' ? '' : groupPath
  if (below !== prefix && !below.startsWith(`${prefix}/`)) return undefined
  const rest = below.slice(prefix.length)
  return `${rest}/`.includes('/../') ? undefined : rest
}

// The kernel writes space, tab, newline, backslash (and #) of a path as \040 \011 \012 \134 (\043).
const unescaped = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number(`0o${octal}`)))
