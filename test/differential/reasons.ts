// Why the guard and Node name different numbers on the same machine, as docs/cgroup.md says it. By the rows of the case
// tables: a disagreement without a reason here fails the test, and so does a reason without a disagreement.

const lambda = 'Node does not know of `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`'
const fixedPlace =
  'Node looks at `/sys/fs/cgroup` (v1: `/sys/fs/cgroup/memory`) alone, wherever the controller is mounted'
const mountRoot =
  'Node appends the path of `/proc/self/cgroup` to `/sys/fs/cgroup`, whatever part of the tree that shows'
const noNumber = 'no kernel prints this; the guard takes nothing of it, Node the digits that it begins with'
const noOwnGroup =
  'where `/proc/self/cgroup` cannot be read Node gives up; the guard tries the usual places, with low confidence'
const otherLevel =
  'a file that cannot be read or used: the guard names the limit that it could read, with low confidence, Node none'
const ownGroupAlone = "Node reads the own group's file alone; a group above it is limited"
const softIsLimit =
  'Node takes a soft limit (`memory.high`, `memory.soft_limit_in_bytes`), which kills nobody, for the limit'
const softMissing = 'Node gives up where the soft limit cannot be read'
const v2First = 'Node takes the machine for cgroup v1 unless `0::` is the first line'

export const REASONS: Readonly<Record<string, string>> = {
  'an unlimited container in a limited pod': ownGroupAlone,
  'the parent is tighter than the leaf': ownGroupAlone,
  'of a small and an unbelievable level the small one wins': ownGroupAlone,
  'a v2 group without the memory controller is there all the same': ownGroupAlone,
  'of two mounts the one that shows more levels': ownGroupAlone,
  "a tighter group above the mount: the number counts, usage is the own group's": ownGroupAlone,
  'a tighter group that the mount shows: that group speaks': ownGroupAlone,
  'memory.high without memory.max is soft, not hard': softIsLimit,
  'memory.high beside memory.max: both are told': softIsLimit,
  'the least memory.high of two levels': softIsLimit,
  'a soft limit is no limit': softIsLimit,
  'no memory.high file': softMissing,
  'memory.high cannot be read: the hard limit does not suffer': softMissing,
  'other hierarchies stand before 0::': v2First,
  'a hierarchy that is only named memory is not the controller': v2First,
  'a mount point with an escaped space': fixedPlace,
  'co-mounted v1 controllers': fixedPlace,
  'cgroups mounted on /': fixedPlace,
  'the own group lies outside of the namespace: the mount root speaks, with low confidence': mountRoot,
  'mountinfo is missing and the own group lies outside': mountRoot,
  'a mount whose root is above the namespace and shows the own group': mountRoot,
  'a root that is only the beginning of a name does not show the group': mountRoot,
  'a later mount at the same place covers the earlier one': mountRoot,
  'a deleted group: the groups above it still hold': 'Node takes ` (deleted)` for a part of the name',
  'no /proc/self/cgroup, no mountinfo: the fixed v1 path': noOwnGroup,
  '/proc/self/cgroup is unreadable and the mount has a limit': noOwnGroup,
  '/proc/self/cgroup is missing, a mount is there': noOwnGroup,
  '/proc/self/cgroup is missing, a v1 memory mount beside a cgroup2 mount': noOwnGroup,
  'nothing but the fixed v2 path': noOwnGroup,
  'a path longer than the kernel prints is ignored': 'Node reads 1023 bytes of `/proc/self/cgroup`',
  'the leaf is unreadable, the parent has a limit': otherLevel,
  'a leaf of 0 and a parent with a limit': otherLevel,
  'the limit file is unreadable, memory.stat is not': otherLevel,
  'memory.max holds "1e9"': noNumber,
  'memory.max holds "5 5"': noNumber,
  'memory.max holds "12.5G"': noNumber,
  'memory.max holds "+5"': noNumber,
  'memory.max holds "5,000"': noNumber,
  'memory.high holds garbage: no soft limit': noNumber,
  'without meminfo every number below 4 PiB is believed':
    'without `/proc/meminfo` the guard cannot tell that a number is more than the machine has; Node asks sysinfo(2)',
  'Lambda without a cgroup': lambda,
  'smaller than the cgroup limit: it wins, the group stays': lambda,
  'beside max': lambda,
  'beside a file that cannot be read': lambda,
  'the largest that is read': lambda,
}
