// Where this process's memory group is: /proc/self/cgroup says its path, mountinfo where that path can be read.
import type { MemoryGroup } from './cgroup.ts'
import type { QuietRead } from './kernel-files.ts'
import { type MemoryMount, parseMemoryMounts, pathBelow } from './mountinfo.ts'

export interface OwnGroups {
  /** The own group first, then the groups above it as far as the mount shows them. */
  readonly groups: readonly MemoryGroup[]
  /** The own group's folder, where that lies below the mount point: it could be missing. */
  readonly deepFolder: string | undefined
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
  let below = pathBelow('/', own === undefined ? '/' : own.path)
  let mostShown = -1
  for (const candidate of mounts) {
    const path = own === undefined ? '' : pathBelow(candidate.root, own.path)
    // Of several mounts, the one in which the own group lies deepest shows most of the groups above it.
    const shown = path === undefined ? 0 : path.length + 1
    if (candidate.version !== version || shown <= mostShown) continue
    mount = candidate
    below = path
    mostShown = shown
  }
  const mountPoint = mount === undefined ? USUAL_MOUNT_POINT[version] : mount.mountPoint
  if (below === undefined) problems.push(`the own group ${own?.path} is not in ${mountPoint}`)

  const groups: MemoryGroup[] = []
  for (let path = below ?? ''; path !== ''; path = path.slice(0, path.lastIndexOf('/')))
    groups.push({ version, folder: mountPoint + path })
  groups.push({ version, folder: mountPoint })
  const isAssumed = own === undefined || mount === undefined
  if (own === undefined && mount === undefined)
    groups.push({ version: 'cgroup-v1', folder: USUAL_MOUNT_POINT['cgroup-v1'] })
  return {
    groups,
    deepFolder: below ? mountPoint + below : undefined,
    isAssumed,
    meminfoIsVirtual: mountinfo.includes(' /proc/meminfo '),
  }
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
