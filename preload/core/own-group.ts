// Where this process's memory group is: /proc/self/cgroup says its path, mountinfo where that path can be read.
import type { MemoryGroup } from './cgroup.ts'
import type { QuietRead } from './kernel-files.ts'
import { type MemoryMount, parseMemoryMounts, pathBelow } from './mountinfo.ts'

export interface OwnGroups {
  /** The own group first, then the groups above it as far as the mount shows them. */
  readonly groups: readonly MemoryGroup[]
  /** The own group below the mount point: '' or '/a/b'. */
  readonly below: string
  /** /proc/self/cgroup or mountinfo does not say, so the usual place is taken. */
  readonly isAssumed: boolean
  /** /proc/meminfo is a mount of its own (lxcfs): its MemTotal is made from the limit and cannot be compared with it. */
  readonly meminfoIsVirtual: boolean
}

const DELETED = ' (deleted)'

// Where every distribution and container runtime mounts them.
const USUAL_MOUNT_POINT = { 'cgroup-v2': '/sys/fs/cgroup', 'cgroup-v1': '/sys/fs/cgroup/memory' } as const

/** Finds the own group. Tells `problems` when no mount shows it; then the top of the mount is all that can be read. */
export function findOwnGroups(read: QuietRead, problems: string[]): OwnGroups {
  const own = parseOwnGroup(read('/proc/self/cgroup') ?? '')
  const mountinfo = read('/proc/self/mountinfo') ?? ''
  const mounts = parseMemoryMounts(mountinfo)
  // Where nothing says which: a v1 mount for memory means that v1 has the controller, whatever cgroup2 is beside it.
  const version = own?.version ?? (mounts.some(mount => mount.version === 'cgroup-v1') ? 'cgroup-v1' : 'cgroup-v2')
  let mount: MemoryMount | undefined
  let below: string | undefined
  for (const candidate of mounts) {
    const rest = own === undefined ? '' : pathBelow(candidate.root, own.path)
    // Of several mounts that show the own group, the one in which it lies deepest shows most of the groups above it.
    if (candidate.version === version && (mount === undefined || (rest?.length ?? -1) > (below?.length ?? -1))) {
      mount = candidate
      below = rest
    }
  }
  const isAssumed = own === undefined || mount === undefined
  const mountPoint = mount?.mountPoint ?? USUAL_MOUNT_POINT[version]
  if (mount === undefined) below = pathBelow('/', own?.path ?? '/')
  if (below === undefined) problems.push(`the own group ${own?.path} is not in ${mountPoint}`)
  below = below ?? ''

  const groups: MemoryGroup[] = []
  for (let path = below; path !== ''; path = path.slice(0, path.lastIndexOf('/')))
    groups.push({ version, folder: mountPoint + path })
  groups.push({ version, folder: mountPoint })
  if (own === undefined && mount === undefined)
    groups.push({ version: 'cgroup-v1', folder: USUAL_MOUNT_POINT['cgroup-v1'] })
  return { groups, below, isAssumed, meminfoIsVirtual: mountinfo.includes(' /proc/meminfo ') }
}

/**
 * Parses /proc/self/cgroup, lines of `id:controllers:path`: `9:memory:/docker/abc`, `4:cpu,memory:/a`, `0::/pod/ctr`.
 * A path can hold colons (`:cri-containerd:`) and end in ` (deleted)`. Memory is on v1 if any line has it, else on v2.
 */
function parseOwnGroup(text: string): { readonly version: MemoryGroup['version']; readonly path: string } | undefined {
  let path: string | undefined
  for (const line of text.split('\n')) {
    const controllersAt = line.indexOf(':') + 1
    const pathAt = line.indexOf(':', controllersAt) + 1
    const controllers = line.slice(controllersAt, pathAt - 1)
    const named = line.slice(pathAt, line.endsWith(DELETED) ? -DELETED.length : undefined)
    // The kernel prints at most PATH_MAX.
    if (pathAt === 0 || !named.startsWith('/') || named.length > 4096) continue
    if (controllers.split(',').includes('memory')) return { version: 'cgroup-v1', path: named }
    if (line.startsWith('0::')) path = named
  }
  return path === undefined ? undefined : { version: 'cgroup-v2', path }
}
