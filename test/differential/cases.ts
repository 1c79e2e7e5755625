// The case tables of the limit reader: each row is a machine, and what must be found there. test/core/cgroup.test.ts asks
// the reader itself, test/differential the built guard and real Node on the same files.
import type { LimitFacts } from '../../preload/core/cgroup.ts'
import {
  cgroup1Mount,
  cgroup2Mount,
  Failure,
  type Files,
  GIB,
  MIB,
  meminfo,
  V1_UNLIMITED,
  v1,
  v2,
} from '../fixtures/cgroup.ts'

export const MI256 = `${256 * MIB}\n`
export const MI512 = `${512 * MIB}\n`
export const GI1 = `${GIB}\n`
export const SYS = '/sys/fs/cgroup'

export const limited = (limitBytes: number, path: string, more: object = {}) => ({
  kind: 'limited',
  limitBytes,
  path,
  ...more,
})
export const unlimited = (reason: RegExp, more: object = {}) => ({ kind: 'unlimited', reason, ...more })
export const unknown = (reason: RegExp, more: object = {}) => ({ kind: 'unknown', reason, ...more })
export const low = (reason: RegExp) => ({ confidence: 'low', reason })

/** `want` is matched with what readContainerLimit returns. */
export type Row = readonly [name: string, files: Files, want: object, facts?: LimitFacts]
export const lambda = (limitMB: number, more: object = {}) =>
  limited(limitMB * MIB, 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', { source: 'lambda', ...more })

/** [what they have in common, the rows] */
export const TABLES: readonly (readonly [name: string, rows: readonly Row[]])[] = [
  [
    'the case table, cgroup v2',
    [
      [
        'the own group is the root of the namespace',
        v2('0::/', { 'memory.max': MI512, 'memory.high': 'max\n' }),
        limited(512 * MIB, `${SYS}/memory.max`, {
          source: 'cgroup-v2',
          confidence: 'high',
          group: { version: 'cgroup-v2', folder: SYS },
        }),
      ],
      [
        'the own group is below the mount, the root has no file',
        v2('0::/docker/abc', { 'docker/abc/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/docker/abc/memory.max`, { confidence: 'high' }),
      ],
      [
        'an unlimited container in a limited pod',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': 'max\n', 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/memory.max`, { confidence: 'high', group: { folder: `${SYS}/pod` } }),
      ],
      [
        'the leaf is tighter than its parent',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI256, 'pod/memory.max': MI512 }),
        limited(256 * MIB, `${SYS}/pod/ctr/memory.max`),
      ],
      [
        'the parent is tighter than the leaf',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI512, 'pod/memory.max': MI256 }),
        limited(256 * MIB, `${SYS}/pod/memory.max`, { above: undefined }),
      ],
      [
        'every level says max',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': 'max\n', 'pod/memory.max': 'max\n' }),
        unlimited(/^no limit in \/sys\/fs\/cgroup\/pod\/ctr\/memory\.max and 2 more$/, {
          group: { folder: `${SYS}/pod/ctr` },
        }),
      ],
      [
        'a bare host, where the root has no memory.max',
        v2('0::/', {}),
        unlimited(/^no such file as \/sys\/fs\/cgroup\/memory\.max$/, { group: undefined }),
      ],
      [
        'memory.high without memory.max is soft, not hard',
        v2('0::/', { 'memory.max': 'max\n', 'memory.high': MI256 }),
        unlimited(/no limit in/, { soft: { limitBytes: 256 * MIB, path: `${SYS}/memory.high` } }),
      ],
      [
        'memory.high beside memory.max: both are told',
        v2('0::/', { 'memory.max': GI1, 'memory.high': `${900 * MIB}\n` }),
        limited(GIB, `${SYS}/memory.max`, { soft: { limitBytes: 900 * MIB } }),
      ],
      [
        'no memory.high file',
        v2('0::/', { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`, { soft: undefined }),
      ],
      [
        'a group whose name holds colons',
        v2('0::/s.slice/kubepods-x.slice:cri-containerd:abc', {
          's.slice/kubepods-x.slice:cri-containerd:abc/memory.max': MI512,
        }),
        limited(512 * MIB, `${SYS}/s.slice/kubepods-x.slice:cri-containerd:abc/memory.max`, { confidence: 'high' }),
      ],
      [
        'the own group lies outside of the namespace: the mount root speaks, with low confidence',
        v2('0::/../../other', { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`, low(/own group \/\.\.\/\.\.\/other is not in \/sys\/fs\/cgroup/)),
      ],
      [
        'a mount point with an escaped space',
        v2('0::/', {}, { '/proc/self/mountinfo': cgroup2Mount('/', '/run/my\\040cg'), '/run/my cg/memory.max': MI512 }),
        limited(512 * MIB, '/run/my cg/memory.max', { confidence: 'high' }),
      ],
      [
        'other hierarchies stand before 0::',
        v2('1:freezer:/\n0::/ctr', { 'ctr/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/ctr/memory.max`, { source: 'cgroup-v2', confidence: 'high' }),
      ],
      [
        'optional mountinfo fields, a 9p line with spaces and a garbage line',
        v2(
          '0::/',
          { 'memory.max': MI512 },
          {
            '/proc/self/mountinfo':
              '98 97 0:44 / /mnt/c rw - 9p drvfs rw,dirsync,aname=drvfs;path=C:\\Program Files - cgroup2;x\n' +
              'garbage\n - \n\n' +
              `30 23 0:26 / ${SYS} rw,nosuid shared:409 master:1 - cgroup2 cgroup2 rw\n`,
          },
        ),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'high' }),
      ],
    ],
  ],

  [
    'the case table, cgroup v1',
    [
      [
        'docker: the mount shows the own group as its root',
        v1('/docker/abc', {
          'memory.limit_in_bytes': MI512,
          'memory.stat': `hierarchical_memory_limit ${512 * MIB}\n`,
        }),
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { source: 'cgroup-v1', confidence: 'high' }),
      ],
      [
        'unlimited in both files',
        v1('/docker/abc', {
          'memory.limit_in_bytes': V1_UNLIMITED,
          'memory.stat': `hierarchical_memory_limit ${V1_UNLIMITED}`,
        }),
        unlimited(/no limit in/, { group: { version: 'cgroup-v1', folder: `${SYS}/memory` } }),
      ],
      [
        'the root is unlimited, the job is not',
        v1(
          '/slurm/job',
          {
            'memory.limit_in_bytes': V1_UNLIMITED,
            'slurm/memory.limit_in_bytes': V1_UNLIMITED,
            'slurm/job/memory.limit_in_bytes': `${2 * GIB}\n`,
          },
          { '/proc/self/mountinfo': cgroup1Mount() },
        ),
        limited(2 * GIB, `${SYS}/memory/slurm/job/memory.limit_in_bytes`, { confidence: 'high' }),
      ],
      [
        'a soft limit is no limit',
        v1('/', { 'memory.limit_in_bytes': MI512, 'memory.soft_limit_in_bytes': `${128 * MIB}\n` }),
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { soft: undefined }),
      ],
      ...[
        ['before', cgroup2Mount('/', `${SYS}/unified`) + cgroup1Mount()],
        ['after', cgroup1Mount() + cgroup2Mount('/', `${SYS}/unified`)],
      ].map(
        ([order = '', mountinfo = '']): Row => [
          `hybrid, cgroup2 mounted ${order} v1`,
          v1('/', { 'memory.limit_in_bytes': MI512 }, { '/proc/self/mountinfo': mountinfo }),
          limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { source: 'cgroup-v1', confidence: 'high' }),
        ],
      ),
    ],
  ],

  [
    'the case table, where little is there',
    [
      [
        'no /proc/self/cgroup, no mountinfo: the fixed v1 path',
        { ...meminfo(), [`${SYS}/memory/memory.limit_in_bytes`]: MI512 },
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { source: 'cgroup-v1', ...low(/assumed/) }),
      ],
      ['no cgroupfs at all', {}, unlimited(/^no such file as \/sys\/fs\/cgroup\/memory\.max and \d+ more$/)],
      [
        'Lambda without a cgroup',
        {},
        { kind: 'limited', limitBytes: 512 * MIB, source: 'lambda', path: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE' },
        { lambdaMemoryMB: '512' },
      ],
      ...['', '0x200', '1e9', '5 5', '12.5G', '-5', '+5', '5,000', 'Max', '٣'].map(
        (text): Row => [
          `memory.max holds ${JSON.stringify(text)}`,
          v2('0::/', { 'memory.max': `${text}\n` }),
          unknown(new RegExp(`^/sys/fs/cgroup/memory\\.max holds ${JSON.stringify(text).replace(/[.+]/g, '\\$&')}`)),
        ],
      ),
      ...['', '\r\n', '  ', '\n\n'].map(
        (end): Row => [
          `a number that ends in ${JSON.stringify(end)}`,
          v2('0::/', { 'memory.max': `536870912${end}` }),
          limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'high' }),
        ],
      ),
      ...['EACCES', 'EIO', 'ERR_ACCESS_DENIED'].map(
        (code): Row => [
          `${code} on memory.max`,
          v2('0::/', { 'memory.max': new Failure(code) }),
          unknown(new RegExp(`^/sys/fs/cgroup/memory\\.max: ${code}$`)),
        ],
      ),
    ],
  ],

  [
    'numbers that limit nothing',
    [
      ...['9223372036854771712', '9223372036854710272', '9223372036854775807', '18446744073709551615', '-1'].map(
        (text): Row => [
          `${text} is unlimited, meminfo or not`,
          v1('/', { 'memory.limit_in_bytes': `${text}\n` }, { '/proc/meminfo': new Failure('EACCES') }),
          unlimited(/no limit in/),
        ],
      ),
      [
        'one byte less than the machine has is a limit',
        v2('0::/', { 'memory.max': `${16 * GIB - 1}\n` }),
        limited(16 * GIB - 1, `${SYS}/memory.max`, { confidence: 'high' }),
      ],
      [
        'as much as the machine has is none',
        v2('0::/', { 'memory.max': `${16 * GIB}\n` }),
        unlimited(/^\/sys\/fs\/cgroup\/memory\.max holds 17179869184, not below the machine's own 17179869184 bytes$/),
      ],
      [
        'of a small and an unbelievable level the small one wins',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': `${64 * GIB}\n`, 'pod/memory.max': GI1 }),
        limited(GIB, `${SYS}/pod/memory.max`),
      ],
      [
        'a soft limit above the machine is none either',
        v2('0::/', { 'memory.max': 'max\n', 'memory.high': `${64 * GIB}\n` }),
        unlimited(/no limit in/, { soft: undefined }),
      ],
      [
        'without meminfo every number below 4 PiB is believed',
        v2('0::/', { 'memory.max': `${2 ** 52 - 1}\n` }, { '/proc/meminfo': new Failure('EACCES') }),
        limited(2 ** 52 - 1, `${SYS}/memory.max`, { confidence: 'high' }),
      ],
      [
        'without meminfo 4 PiB are no limit',
        v2('0::/', { 'memory.max': `${2 ** 52}\n` }, { '/proc/meminfo': '' }),
        unlimited(/no limit in/),
      ],
      [
        'a meminfo of 0 kB, which old lxcfs printed, is not believed',
        v2('0::/', { 'memory.max': MI512 }, { '/proc/meminfo': 'MemTotal:       0 kB\n' }),
        limited(512 * MIB, `${SYS}/memory.max`),
      ],
      [
        'under lxcfs MemTotal is the limit itself, and the limit stands',
        v2(
          '0::/',
          { 'memory.max': MI512 },
          {
            ...meminfo(512 * MIB),
            '/proc/self/mountinfo': `${cgroup2Mount()}80 79 0:60 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n`,
          },
        ),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'high' }),
      ],
      [
        'a limit of 0, under which nothing runs, is not known rather than 0',
        v2('0::/', { 'memory.max': '0\n' }),
        unknown(/memory\.max holds "0", which is no usable limit/),
      ],
    ],
  ],

  [
    'where some files can be read and others not',
    [
      [
        'the leaf is unreadable, the parent has a limit',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': new Failure('EACCES'), 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/memory.max`, low(/pod\/ctr\/memory\.max: EACCES/)),
      ],
      [
        'the leaf has a limit, the parent holds garbage',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI512, 'pod/memory.max': '12.5G\n' }),
        limited(512 * MIB, `${SYS}/pod/ctr/memory.max`, low(/pod\/memory\.max holds "12\.5G"/)),
      ],
      [
        'a leaf of 0 and a parent with a limit',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': '0\n', 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/memory.max`, low(/holds "0"/)),
      ],
      [
        'the leaf says max, the parent is unreadable',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': 'max\n', 'pod/memory.max': new Failure('EIO') }),
        unknown(/pod\/memory\.max: EIO/, { group: { folder: `${SYS}/pod/ctr` } }),
      ],
      [
        'long garbage is quoted up to 40 characters, control characters escaped',
        v2('0::/', { 'memory.max': `\u0000${'x'.repeat(100)}` }),
        unknown(new RegExp(`holds "\\\\u0000${'x'.repeat(39)}",`)),
      ],
      [
        'many problems: the first three are told',
        v2('0::/a/b/c/d', {
          'a/b/c/d/memory.max': 'one',
          'a/b/c/memory.max': 'two',
          'a/b/memory.max': 'three',
          'a/memory.max': 'four',
        }),
        unknown(/^[^;]+"one"[^;]+;[^;]+"two"[^;]+;[^;]+"three"[^;]+$/),
      ],
      [
        'memory.high cannot be read: the hard limit does not suffer',
        v2('0::/', { 'memory.max': MI512, 'memory.high': new Failure('EIO') }),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'high', soft: undefined }),
      ],
      [
        'memory.high holds garbage: no soft limit',
        v2('0::/', { 'memory.max': 'max\n', 'memory.high': '1G\n' }),
        unlimited(/no limit in/, { soft: undefined }),
      ],
      [
        'a memory.high that the hard limit makes meaningless is left out',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': 'max\n', 'pod/ctr/memory.high': GI1, 'pod/memory.max': GI1 }),
        limited(GIB, `${SYS}/pod/memory.max`, { soft: undefined }),
      ],
      [
        'the least memory.high of two levels',
        v2('0::/pod/ctr', {
          'pod/ctr/memory.max': GI1,
          'pod/ctr/memory.high': MI512,
          'pod/memory.max': GI1,
          'pod/memory.high': MI256,
        }),
        limited(GIB, `${SYS}/pod/ctr/memory.max`, { soft: { limitBytes: 256 * MIB, path: `${SYS}/pod/memory.high` } }),
      ],
      [
        '/proc/self/cgroup is unreadable and the mount says max',
        v2('0::/', { 'memory.max': 'max\n' }, { '/proc/self/cgroup': new Failure('EACCES') }),
        unknown(/^\/proc\/self\/cgroup: EACCES$/),
      ],
      [
        '/proc/self/cgroup is unreadable and the mount has a limit',
        v2('0::/', { 'memory.max': MI512 }, { '/proc/self/cgroup': new Failure('EACCES') }),
        limited(
          512 * MIB,
          `${SYS}/memory.max`,
          low(/^\/proc\/self\/cgroup: EACCES; \/sys\/fs\/cgroup is only assumed to be the own group's$/),
        ),
      ],
      [
        'everything is refused, as by the permission model',
        Object.fromEntries(
          ['/proc/self/cgroup', '/proc/self/mountinfo', `${SYS}/memory.max`, `${SYS}/memory/memory.limit_in_bytes`].map(
            path => [path, new Failure('ERR_ACCESS_DENIED')],
          ),
        ),
        unknown(/^\/proc\/self\/cgroup: ERR_ACCESS_DENIED; /),
      ],
      [
        'mountinfo is missing: the usual mount point is walked, with low confidence',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI512 }, { '/proc/self/mountinfo': '' }),
        limited(512 * MIB, `${SYS}/pod/ctr/memory.max`, low(/assumed/)),
      ],
      [
        'mountinfo is missing and the own group lies outside',
        v2('0::/../x', { 'memory.max': MI512 }, { '/proc/self/mountinfo': '' }),
        limited(512 * MIB, `${SYS}/memory.max`, low(/\/\.\.\/x is not in/)),
      ],
      [
        '/proc/self/cgroup is missing, a mount is there',
        { '/proc/self/mountinfo': cgroup2Mount('/', '/cg'), '/cg/memory.max': MI512, ...meminfo() },
        limited(512 * MIB, '/cg/memory.max', low(/assumed/)),
      ],
      [
        '/proc/self/cgroup is missing, a v1 memory mount beside a cgroup2 mount',
        {
          '/proc/self/mountinfo': cgroup2Mount('/', `${SYS}/unified`) + cgroup1Mount(),
          [`${SYS}/memory/memory.limit_in_bytes`]: MI512,
        },
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { source: 'cgroup-v1', confidence: 'low' }),
      ],
      [
        'nothing but the fixed v2 path',
        { [`${SYS}/memory.max`]: MI512 },
        limited(512 * MIB, `${SYS}/memory.max`, { source: 'cgroup-v2', confidence: 'low' }),
      ],
      [
        'a v1 system with the memory controller switched off',
        {
          '/proc/self/cgroup': '2:pids:/a\n1:name=systemd:/a\n',
          '/proc/self/mountinfo': cgroup1Mount('/', '/x', 'rw,pids'),
        },
        unlimited(/no such file/),
      ],
    ],
  ],

  [
    'which group, which mount',
    [
      [
        'co-mounted v1 controllers',
        v1(
          '/',
          {},
          {
            '/proc/self/cgroup': '3:cpu,cpuacct:/x\n2:hugetlb,memory:/job\n',
            '/proc/self/mountinfo': cgroup1Mount('/', `${SYS}/hugetlb,memory`, 'rw,hugetlb,memory'),
            [`${SYS}/hugetlb,memory/job/memory.limit_in_bytes`]: MI512,
          },
        ),
        limited(512 * MIB, `${SYS}/hugetlb,memory/job/memory.limit_in_bytes`, { confidence: 'high' }),
      ],
      [
        'a hierarchy that is only named memory is not the controller',
        v2('1:name=memory:/x\n0::/', { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`, { source: 'cgroup-v2' }),
      ],
      [
        'a deleted group: the groups above it still hold',
        v2('0::/pod/ctr (deleted)', { 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/memory.max`, low(/own group's folder \/sys\/fs\/cgroup\/pod\/ctr is not there/)),
      ],
      [
        'a v2 group without the memory controller is there all the same',
        v2('0::/pod/ctr', { 'pod/ctr/cgroup.controllers': 'cpu\n', 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/memory.max`, { confidence: 'high', reason: undefined }),
      ],
      [
        'no level has a memory.max, as with cgroup_disable=memory',
        v2('0::/docker/abc', { 'docker/abc/cgroup.controllers': 'cpu\n' }),
        unlimited(/no such file/, { group: undefined }),
      ],
      [
        'the folder of the own group does not exist and nothing else limits: not known',
        v2('0::/docker/abc', {}),
        unknown(/own group's folder \/sys\/fs\/cgroup\/docker\/abc is not there/),
      ],
      [
        'v1 where the mount shows the container but its root is called /: the container speaks, with low confidence',
        v1('/docker/abc', { 'memory.limit_in_bytes': MI512 }, { '/proc/self/mountinfo': cgroup1Mount() }),
        limited(
          512 * MIB,
          `${SYS}/memory/memory.limit_in_bytes`,
          low(/own group's folder \/sys\/fs\/cgroup\/memory\/docker\/abc is not there/),
        ),
      ],
      [
        "the host's tree is mounted in a private namespace: not known",
        v2('0::/', { 'memory.max': 'max\n' }, { '/proc/self/mountinfo': cgroup2Mount('/../..') }),
        unknown(/own group \/ is not in \/sys\/fs\/cgroup/),
      ],
      [
        'a mount whose root is above the namespace and shows the own group',
        v2('0::/../x', { 'x/memory.max': MI512 }, { '/proc/self/mountinfo': cgroup2Mount('/..') }),
        limited(512 * MIB, `${SYS}/x/memory.max`, { confidence: 'high' }),
      ],
      [
        'a root that is only the beginning of a name does not show the group',
        v2('0::/pod10/ctr', { 'memory.max': MI512 }, { '/proc/self/mountinfo': cgroup2Mount('/pod1') }),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'low' }),
      ],
      [
        'of two mounts the one that shows more levels',
        v1(
          '/kubepods/pod/ctr',
          {},
          {
            '/proc/self/mountinfo': cgroup1Mount('/kubepods/pod/ctr') + cgroup1Mount('/', '/host/memory'),
            '/host/memory/kubepods/pod/memory.limit_in_bytes': MI256,
            '/host/memory/kubepods/pod/ctr/memory.limit_in_bytes': MI512,
            [`${SYS}/memory/memory.limit_in_bytes`]: MI512,
          },
        ),
        limited(256 * MIB, '/host/memory/kubepods/pod/memory.limit_in_bytes', { confidence: 'high' }),
      ],
      [
        'a later mount at the same place covers the earlier one',
        v2(
          '0::/docker/abc',
          { 'memory.max': MI512 },
          {
            '/proc/self/mountinfo': cgroup2Mount() + cgroup2Mount('/docker/abc'),
          },
        ),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'high' }),
      ],
      [
        'cgroups mounted on /',
        v2('0::/', {}, { '/proc/self/mountinfo': cgroup2Mount('/', '/'), '/memory.max': MI512 }),
        limited(512 * MIB, '/memory.max', { group: { folder: '' } }),
      ],
      [
        'a path longer than the kernel prints is ignored',
        v2(`0::/${'a/'.repeat(40_000)}`, { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`, { confidence: 'low' }),
      ],
      [
        'equal limits: the own group speaks, the one above is told',
        v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI512, 'pod/memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/pod/ctr/memory.max`, {
          above: [{ limitBytes: 512 * MIB, path: `${SYS}/pod/memory.max`, group: { folder: `${SYS}/pod` } }],
        }),
      ],
    ],
  ],

  [
    'v1 and its hierarchical limit',
    [
      [
        "a tighter group above the mount: the number counts, usage is the own group's",
        v1('/docker/abc', {
          'memory.limit_in_bytes': GI1,
          'memory.stat': `cache 0\nhierarchical_memory_limit ${512 * MIB}\nhierarchical_memsw_limit ${GIB}\n`,
        }),
        limited(512 * MIB, `${SYS}/memory/memory.stat`, {
          confidence: 'high',
          group: { folder: `${SYS}/memory` },
          above: undefined,
        }),
      ],
      [
        'a tighter group that the mount shows: that group speaks',
        v1(
          '/pod/ctr',
          {
            'pod/ctr/memory.limit_in_bytes': GI1,
            'pod/ctr/memory.stat': `hierarchical_memory_limit ${512 * MIB}\n`,
            'pod/memory.limit_in_bytes': MI512,
            'memory.limit_in_bytes': V1_UNLIMITED,
          },
          { '/proc/self/mountinfo': cgroup1Mount() },
        ),
        limited(512 * MIB, `${SYS}/memory/pod/memory.limit_in_bytes`, { group: { folder: `${SYS}/memory/pod` } }),
      ],
      [
        'the limit file is unreadable, memory.stat is not',
        v1('/docker/abc', {
          'memory.limit_in_bytes': new Failure('EACCES'),
          'memory.stat': `hierarchical_memory_limit ${512 * MIB}\n`,
        }),
        limited(512 * MIB, `${SYS}/memory/memory.stat`, low(/limit_in_bytes: EACCES/)),
      ],
      [
        'unlimited, and memory.stat is unreadable: a hidden limit cannot be excluded',
        v1('/docker/abc', { 'memory.limit_in_bytes': V1_UNLIMITED, 'memory.stat': new Failure('EIO') }),
        unknown(/memory\.stat: EIO/),
      ],
      [
        'a garbage hierarchical limit makes the other one doubtful',
        v1('/docker/abc', { 'memory.limit_in_bytes': MI512, 'memory.stat': 'hierarchical_memory_limit lots\n' }),
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, low(/memory\.stat holds "lots"/)),
      ],
      [
        'a memory.stat without the field',
        v1('/docker/abc', {
          'memory.limit_in_bytes': MI512,
          'memory.stat': 'cache 0\nnot_hierarchical_memory_limit 1\n',
        }),
        limited(512 * MIB, `${SYS}/memory/memory.limit_in_bytes`, { confidence: 'high' }),
      ],
    ],
  ],

  [
    'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
    [
      [
        'smaller than the cgroup limit: it wins, the group stays',
        v2('0::/', { 'memory.max': MI512 }),
        lambda(128, { confidence: 'high', group: { folder: SYS } }),
        { lambdaMemoryMB: '128' },
      ],
      [
        'as large as the cgroup limit: the kernel wins',
        v2('0::/', { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`),
        { lambdaMemoryMB: '512' },
      ],
      [
        'larger than the cgroup limit: the kernel wins',
        v2('0::/', { 'memory.max': MI512 }),
        limited(512 * MIB, `${SYS}/memory.max`),
        { lambdaMemoryMB: '10240' },
      ],
      [
        'beside max',
        v2('0::/', { 'memory.max': 'max\n' }),
        lambda(512, { confidence: 'high', reason: /no limit in/ }),
        { lambdaMemoryMB: '512' },
      ],
      [
        'beside a file that cannot be read',
        v2('0::/', { 'memory.max': new Failure('EIO') }),
        lambda(512, low(/EIO/)),
        { lambdaMemoryMB: '512' },
      ],
      ['the largest that is read', {}, lambda(999_999_999), { lambdaMemoryMB: '999999999' }],
      ...['', '0', '-1', '1.5', '512MB', ' 512', '0512', '1e3', '1000000000'].map(
        (text): Row => [`${JSON.stringify(text)} is not used`, {}, unlimited(/no such file/), { lambdaMemoryMB: text }],
      ),
      ['not set', {}, unlimited(/no such file/), { lambdaMemoryMB: undefined }],
    ],
  ],
]
