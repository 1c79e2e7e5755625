import t from 'tap'
import type { MemoryGroup } from '../../preload/core/cgroup.ts'
import { bytes } from '../../preload/core/units.ts'
import { type ContainerUsage, readOomKills, readUsage, type UsageDepth } from '../../preload/core/usage.ts'
import { Failure, type Files, MIB, machine } from '../fixtures/cgroup.ts'

const POD: MemoryGroup = { version: 'cgroup-v2', folder: '/sys/fs/cgroup/pod' }
const JOB: MemoryGroup = { version: 'cgroup-v1', folder: '/sys/fs/cgroup/memory/job' }
const WHOLE: UsageDepth = { kind: 'whole' }

/** Files of one group, by name. */
const inGroup = (group: MemoryGroup, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${group.folder}/${name}`, text]))

const V2_WHOLE: Files = {
  'memory.current': '500000000\n',
  'memory.stat':
    'anon 8101888\nfile 4096\nkernel 638976\nkernel_stack 1\nshmem 12\nfile_mapped 3\nfile_dirty 5\ninactive_anon 9\ninactive_file 400000000\n',
  'memory.events': 'low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n',
  'memory.pressure':
    'some avg10=12.34 avg60=0.00 avg300=0.00 total=1234567\nfull avg10=100.00 avg60=0.00 avg300=0.00 total=0\n',
}

const V1_WHOLE: Files = {
  'memory.usage_in_bytes': `${300 * MIB}\n`,
  'memory.stat': `cache 1\nrss 2\ninactive_file ${MIB}\nhierarchical_memory_limit ${512 * MIB}\ntotal_cache 10\ntotal_rss 20\ntotal_shmem 30\ntotal_dirty 40\ntotal_inactive_file ${100 * MIB}\n`,
  'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 7\n',
}

for (const [name, group, files, want] of [
  ['v2', POD, V2_WHOLE, 5],
  ['v1', JOB, V1_WHOLE, 7],
  ['none yet', POD, { 'memory.events': 'oom 4\noom_kill 0\n' }, 0],
  ['a kernel before 4.13', JOB, { 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' }, undefined],
  ['no such file', POD, {}, undefined],
  ['not for us', POD, { 'memory.events': new Failure('EACCES') }, undefined],
] as const)
  t.test(`kills alone: ${name}`, async t => t.equal(readOomKills(machine(inGroup(group, files)).readText, group), want))

t.test('a whole look at a v2 group', async t => {
  t.strictSame(readUsage(machine(inGroup(POD, V2_WHOLE)).readText, POD, WHOLE), {
    usageBytes: 500_000_000,
    workingSetBytes: 100_000_000,
    split: { anon: 8_101_888, file: 4096, shmem: 12, kernel: 638_976, dirty: 5 },
    events: { oomKill: 5, oom: 4, max: 3, high: 2 },
    pressure: { some: { avg10Ratio: 0.1234, totalMs: 1234.567 }, full: { avg10Ratio: 1, totalMs: 0 } },
  })
})

t.test('a whole look at a v1 group counts the groups below: total_ keys', async t => {
  t.strictSame(readUsage(machine(inGroup(JOB, V1_WHOLE)).readText, JOB, WHOLE), {
    usageBytes: 300 * MIB,
    workingSetBytes: 200 * MIB,
    split: { anon: 20, file: 10, shmem: 30, dirty: 40 },
    events: { oomKill: 7 },
  })
})

t.test('what could not be read or understood is absent', async t => {
  const table: readonly (readonly [string, MemoryGroup, Files, ContainerUsage])[] = [
    ['no file at all, v2', POD, {}, {}],
    ['no file at all, v1', JOB, {}, {}],
    [
      'every file is refused, and PSI is off',
      POD,
      {
        'memory.current': new Failure('EACCES'),
        'memory.stat': new Failure('EIO'),
        'memory.events': new Failure('ENODEV'),
        'memory.pressure': new Failure('EOPNOTSUPP'),
      },
      {},
    ],
    [
      'usage below inactive_file: a working set of 0',
      POD,
      { 'memory.current': '10\n', 'memory.stat': 'inactive_file 20\n' },
      { usageBytes: bytes(10), workingSetBytes: bytes(0) },
    ],
    [
      'usage equal to inactive_file',
      POD,
      { 'memory.current': '20\n', 'memory.stat': 'inactive_file 20\n' },
      { usageBytes: bytes(20), workingSetBytes: bytes(0) },
    ],
    ['usage 0 is known', POD, { 'memory.current': '0\n' }, { usageBytes: bytes(0) }],
    [
      'memory.stat without inactive_file: no working set',
      POD,
      { 'memory.current': '10\n', 'memory.stat': 'anon 1\n' },
      { usageBytes: bytes(10), split: { anon: bytes(1) } },
    ],
    ['no usage: no working set', POD, { 'memory.stat': 'inactive_file 1\n' }, {}],
    [
      'v1 without total_ keys',
      JOB,
      { 'memory.usage_in_bytes': '10', 'memory.stat': 'inactive_file 4' },
      { usageBytes: bytes(10), workingSetBytes: bytes(6) },
    ],
    ['usage that is no number', POD, { 'memory.current': '12.5G\n', 'memory.stat': 'inactive_file 1\n' }, {}],
    ['usage beyond the safe integers', POD, { 'memory.current': '9223372036854775807\n' }, {}],
    [
      'values that are no numbers',
      POD,
      { 'memory.stat': 'anon -1\nfile 0x10\nshmem 1 2\nkernel \nfile_dirty 007\n' },
      {},
    ],
    [
      'events without some keys and with unknown ones',
      POD,
      { 'memory.events': 'low 0\noom_kill 1\nsomething_new 9\n' },
      { events: { oomKill: 1 } },
    ],
    ['events with unknown keys alone', POD, { 'memory.events': 'something_new 9\n' }, {}],
    ['oom_control before Linux 4.13', JOB, { 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' }, {}],
    [
      'pressure with some alone',
      POD,
      { 'memory.pressure': 'some avg10=0.50 avg60=0.00 avg300=0.00 total=9\n' },
      { pressure: { some: readStall(0.005, 0.009) } },
    ],
    [
      'pressure with odd values',
      POD,
      { 'memory.pressure': 'some avg10=1e2 total=-1\nfull avg10=0.00\n' },
      { pressure: { full: readStall(0) } },
    ],
    ['pressure above 100 percent is no share', POD, { 'memory.pressure': 'full avg10=100.01 total=1.5\n' }, {}],
    [
      'CRLF',
      POD,
      { 'memory.current': '10\r\n', 'memory.stat': 'anon 1\r\ninactive_file 4\r\n' },
      { usageBytes: bytes(10), workingSetBytes: bytes(6), split: { anon: bytes(1) } },
    ],
    ['a key that only ends like another', POD, { 'memory.stat': 'total_anon 5\nanonymous 6\n' }, {}],
  ]
  for (const [name, group, files, want] of table)
    t.test(name, async t => t.strictSame(readUsage(machine(inGroup(group, files)).readText, group, WHOLE), want))
})

function readStall(avg10Ratio: number, totalMs?: number) {
  return { avg10Ratio, ...(totalMs === undefined ? {} : { totalMs }) } as NonNullable<
    ContainerUsage['pressure']
  >['some'] & {}
}

t.test('a calm look stops at usage while that is below the threshold', async t => {
  const calm = (belowBytes: number): UsageDepth => ({ kind: 'calm', belowBytes: bytes(belowBytes) })
  const table: readonly (readonly [string, MemoryGroup, Files, UsageDepth, ContainerUsage, readonly string[]])[] = [
    ['below', POD, V2_WHOLE, calm(500_000_001), { usageBytes: bytes(500_000_000) }, ['memory.current']],
    [
      'at it',
      POD,
      V2_WHOLE,
      calm(500_000_000),
      { workingSetBytes: bytes(100_000_000) },
      ['memory.current', 'memory.stat'],
    ],
    ['v1 below', JOB, V1_WHOLE, calm(301 * MIB), { usageBytes: bytes(300 * MIB) }, ['memory.usage_in_bytes']],
    [
      'v1 at it',
      JOB,
      V1_WHOLE,
      calm(300 * MIB),
      { workingSetBytes: bytes(200 * MIB) },
      ['memory.usage_in_bytes', 'memory.stat'],
    ],
    ['no usage: nothing to compare', POD, {}, calm(1), {}, ['memory.current']],
  ]
  for (const [name, group, files, depth, want, names] of table)
    t.test(name, async t => {
      const { readText, reads } = machine(inGroup(group, files))
      const usage = readUsage(readText, group, depth)
      t.match(usage, want)
      t.notOk('events' in usage || 'pressure' in usage)
      t.same(
        reads,
        names.map(file => `${group.folder}/${file}`),
      )
    })
})

t.test('a whole look reads each file once', async t => {
  for (const [group, files] of [
    [POD, V2_WHOLE],
    [JOB, V1_WHOLE],
  ] as const) {
    const { readText, reads } = machine(inGroup(group, files))
    readUsage(readText, group, WHOLE)
    t.same(
      reads,
      Object.keys(files).map(file => `${group.folder}/${file}`),
    )
  }
})
