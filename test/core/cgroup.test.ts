import t from 'tap'
import {
  type ContainerLimit,
  groupFoldersOf,
  type LimitFacts,
  readContainerLimit,
  readLimitAgain,
} from '../../preload/core/cgroup.ts'
import { bytes } from '../../preload/core/units.ts'
import { GI1, lambda, limited, low, MI256, MI512, SYS, TABLES, unknown, unlimited } from '../differential/cases.ts'
import { cgroup2Mount, Failure, type Files, MIB, machine, v1, v2 } from '../fixtures/cgroup.ts'

for (const [name, rows] of TABLES)
  t.test(name, async t => {
    for (const [name, files, want, facts] of rows)
      t.test(name, async t => t.match(readContainerLimit(machine(files).readText, facts), want))
  })

t.test('an error without a code, and something that is no error', async t => {
  for (const thrown of [new Error('x'), undefined, null, 'EIO', { code: 5 }, Object.create(null)]) {
    const readText = () => {
      throw thrown
    }
    t.match(readContainerLimit(readText), unknown(/^\/proc\/self\/cgroup: cannot be read; /))
  }
})

t.test('a start reads as little as can be', async t => {
  const table: readonly (readonly [string, Files, readonly string[]])[] = [
    [
      'v2 container',
      v2('0::/', { 'memory.max': MI512, 'memory.high': 'max\n' }),
      ['/proc/self/cgroup', '/proc/self/mountinfo', `${SYS}/memory.max`, `${SYS}/memory.high`, '/proc/meminfo'],
    ],
    [
      'v2 container without limits',
      v2('0::/', { 'memory.max': 'max\n', 'memory.high': 'max\n' }),
      ['/proc/self/cgroup', '/proc/self/mountinfo', `${SYS}/memory.max`, `${SYS}/memory.high`],
    ],
    ['bare v2 host', v2('0::/', {}), ['/proc/self/cgroup', '/proc/self/mountinfo', `${SYS}/memory.max`]],
    [
      'v1 container',
      v1('/docker/abc', { 'memory.limit_in_bytes': MI512, 'memory.stat': 'cache 0\n' }),
      [
        '/proc/self/cgroup',
        '/proc/self/mountinfo',
        `${SYS}/memory/memory.limit_in_bytes`,
        `${SYS}/memory/memory.stat`,
        '/proc/meminfo',
      ],
    ],
    [
      'no cgroupfs',
      {},
      [
        '/proc/self/cgroup',
        '/proc/self/mountinfo',
        `${SYS}/memory.max`,
        `${SYS}/memory/memory.limit_in_bytes`,
        `${SYS}/memory/memory.stat`,
      ],
    ],
  ]
  for (const [name, files, want] of table)
    t.test(name, async t => {
      const { readText, reads } = machine(files)
      readContainerLimit(readText)
      t.same(reads, want)
    })
})

t.test('v1: what memory.stat says is a level of its own only where it is less than all of them', async t => {
  const hidden = (limit: number) =>
    v1('/a', { 'memory.limit_in_bytes': MI512, 'memory.stat': `hierarchical_memory_limit ${limit}\n` })
  const read = (limit: number) => readContainerLimit(machine(hidden(limit)).readText)
  const own = `${SYS}/memory/memory.limit_in_bytes`
  for (const limit of [512 * MIB, 512 * MIB + 4096]) {
    t.match(read(limit), limited(512 * MIB, own))
    t.notOk('above' in read(limit), 'the own level again is none above it')
  }
  t.match(read(512 * MIB - 4096), limited(512 * MIB - 4096, `${SYS}/memory/memory.stat`))
})

t.test('at most 64 KiB of a file is considered', async t => {
  const padding = 'x'.repeat(65_536 - 10)
  const mount = (before: string) =>
    v2('0::/', { 'memory.max': MI512 }, { '/proc/self/mountinfo': before + cgroup2Mount() })
  t.match(readContainerLimit(machine(mount('x\n')).readText), { confidence: 'high' })
  t.match(readContainerLimit(machine(mount(`${padding}\n`)).readText), low(/assumed/), 'a line that is cut is dropped')
  const long = v2('0::/', { 'memory.max': '9'.repeat(70_000) })
  t.match(readContainerLimit(machine(long).readText), unlimited(/no limit/), 'a line without an end is cut')
})

t.test('readLimitAgain', async t => {
  const again = (before: Files, after: Files, facts: LimitFacts = {}) => {
    const first = readContainerLimit(machine(before).readText, facts)
    const { readText, reads } = machine(after)
    return { first, now: readLimitAgain(readText, first, facts), reads }
  }

  t.test('nothing moved: the same object, for one small file (v1: two)', async t => {
    const files = v2('0::/', { 'memory.max': MI512, 'memory.high': 'max\n' })
    const { first, now, reads } = again(files, files)
    t.equal(now, first)
    t.same(reads, [`${SYS}/memory.max`])
    const docker = v1('/docker/abc', { 'memory.limit_in_bytes': MI512, 'memory.stat': 'cache 0\n' })
    const inDocker = again(docker, docker)
    t.equal(inDocker.now, inDocker.first)
    t.same(inDocker.reads, [`${SYS}/memory/memory.limit_in_bytes`, `${SYS}/memory/memory.stat`])
  })

  t.test('512Mi, then 256Mi, then max', async t => {
    const max = (text: string) => v2('0::/', { 'memory.max': text })
    const { now: second } = again(max(MI512), max(MI256))
    t.match(second, limited(256 * MIB, `${SYS}/memory.max`))
    const third = readLimitAgain(machine(max('max\n')).readText, second)
    t.match(third, unlimited(/no limit/))
    t.match(readLimitAgain(machine(max(MI512)).readText, third), limited(512 * MIB, `${SYS}/memory.max`))
  })

  t.test('the parent is set below the leaf', async t => {
    const pod = (text: string) => v2('0::/pod/ctr', { 'pod/ctr/memory.max': MI512, 'pod/memory.max': text })
    t.match(again(pod('max\n'), pod(MI256)).now, limited(256 * MIB, `${SYS}/pod/memory.max`))
  })

  t.test('a v1 limit above the mount: what else memory.stat says may move', async t => {
    const hidden = (limit: number, cache: number) =>
      v1('/a', {
        'memory.limit_in_bytes': GI1,
        'memory.stat': `cache ${cache}\nhierarchical_memory_limit ${limit}\n`,
      })
    const same = again(hidden(512 * MIB, 1), hidden(512 * MIB, 2))
    t.equal(same.now, same.first)
    t.match(again(hidden(512 * MIB, 1), hidden(256 * MIB, 1)).now, limited(256 * MIB, `${SYS}/memory/memory.stat`))
  })

  t.test('files that vanish or become unreadable change nothing', async t => {
    const files = v2('0::/pod', { 'pod/memory.max': MI512 })
    for (const after of [
      v2('0::/pod', {}),
      v2('0::/pod', { 'pod/memory.max': new Failure('EIO') }),
      v2('0::/pod', { 'pod/memory.max': 'garbage' }),
    ]) {
      const { first, now } = again(files, after)
      t.equal(now, first)
    }
  })

  t.test('what was unreadable and is not any more', async t => {
    const broken = v2('0::/', { 'memory.max': new Failure('EIO') })
    const same = again(broken, broken)
    t.equal(same.now, same.first)
    t.match(again(broken, v2('0::/', { 'memory.max': MI512 })).now, limited(512 * MIB, `${SYS}/memory.max`))
  })

  t.test('lambda stays in force', async t => {
    const facts = { lambdaMemoryMB: '128' }
    const files = v2('0::/', { 'memory.max': MI512 })
    t.match(again(files, v2('0::/', { 'memory.max': 'max\n' }), facts).now, lambda(128))
    t.match(
      again(files, v2('0::/', { 'memory.max': `${64 * MIB}\n` }), facts).now,
      limited(64 * MIB, `${SYS}/memory.max`),
    )
  })

  t.test('a limit that some other reader made is kept', async t => {
    const made: ContainerLimit = { kind: 'unknown', reason: 'made by a test' }
    t.equal(readLimitAgain(machine({}).readText, made), made)
  })
})

for (const [name, limit, want] of [
  ['nothing is known', { kind: 'unknown', reason: '' }, []],
  [
    'the limit is on the parent',
    {
      kind: 'limited',
      limitBytes: bytes(1),
      source: 'cgroup-v2',
      path: '/c/pod/memory.max',
      confidence: 'high',
      group: { version: 'cgroup-v2', folder: '/c/pod' },
      watched: [
        { path: '/c/pod/app/memory.max', text: 'max' },
        { path: '/c/pod/memory.max', text: '1' },
      ],
    },
    ['/c/pod', '/c/pod/app'],
  ],
  [
    'the limit is on the own group',
    {
      kind: 'unlimited',
      reason: '',
      group: { version: 'cgroup-v2', folder: '/c' },
      watched: [{ path: '/c/memory.max', text: 'max' }],
    },
    ['/c'],
  ],
] as const)
  t.test(`whose processes share the limit: ${name}`, async t => t.strictSame([...groupFoldersOf(limit)], want))
