// /proc/self/mountinfo: where the kernel's memory controllers are mounted, and which part of their tree that shows.
import type { MemoryGroup } from './cgroup.ts'

export interface MemoryMount {
  readonly version: MemoryGroup['version']
  /** Absolute, decoded; '' where it is mounted on /. */
  readonly mountPoint: string
  /** The group that the mount point shows, as /proc/self/cgroup would name it: `/`, `/docker/abc`, `/../..`. */
  readonly root: string
}

const CGROUP_TYPE = ' - cgroup'

/**
 * The mounts that show memory groups; a later one covers an earlier one at the same place. Lines that do not look like
 * one are skipped. Format (proc_pid_mountinfo(5)), with any number of optional fields before the ` - `:
 * `36 35 98:0 /root /mount/point rw,noatime shared:1 master:2 - cgroup cgroup rw,memory`
 */
export function parseMemoryMounts(text: string): readonly MemoryMount[] {
  const mounts = new Map<string, MemoryMount>()
  // A crowded host has hundreds of lines and this runs cold at every start, so only the cgroups' lines are taken apart.
  for (let at = text.indexOf(CGROUP_TYPE); at >= 0; ) {
    const newline = text.indexOf('\n', at)
    const lineEnd = newline < 0 ? text.length : newline
    const [type, , options = ''] = text.slice(at + 3, lineEnd).split(' ')
    // Co-mounted controllers share one line: `rw,cpu,memory`.
    if (type === 'cgroup2' || (type === 'cgroup' && options.split(',').includes('memory'))) {
      const [, , , root, mountPoint] = text.slice(text.lastIndexOf('\n', at) + 1, at).split(' ')
      if (root !== undefined && mountPoint !== undefined)
        mounts.set(mountPoint, {
          version: type === 'cgroup2' ? 'cgroup-v2' : 'cgroup-v1',
          mountPoint: mountPoint === '/' ? '' : unescaped(mountPoint),
          root: unescaped(root),
        })
    }
    at = text.indexOf(CGROUP_TYPE, lineEnd)
  }
  return [...mounts.values()]
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
  path.includes('\\') ? path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number(`0o${octal}`))) : path
