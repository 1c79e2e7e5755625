import t from 'tap'
import {
  containerUsed,
  isCriticalAt,
  killsAtStart,
  type LadderState,
  ladderOf,
  type Rung,
  step,
  timeToNearest,
  underLimits,
  withRungs,
} from '../../preload/core/ladder.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import { floors, type Given, held, LIMITS, repeat, run, sampleOf } from './climbing.ts'

for (const [name, samples, want] of [
  ['calm', held(100, 500, 849), []],
  ['the first rung exactly', held(100, 850), ['1 container warn']],
  ['just under the second', held(949), ['0 container warn']],
  ['both rungs', held(860, 950), ['0 container warn', '1 container critical']],
  ['a climb that skips one says the higher one', held(100, 990), ['1 container critical']],
  [
    'each rung once a climb, however it swings',
    held(860, 840, 860, 955, 860, 840, 990, 860),
    ['0 container warn', '3 container critical'],
  ],
  [
    'eased after five seconds below, with hysteresis',
    held(860, 799, 799, 799, 799, 799, 799),
    ['0 container warn', '6 container eased'],
  ],
  ['not while it is within five points', held(860, ...repeat(20, 801)), ['0 container warn']],
  ['nor at five points exactly', held(860, ...repeat(20, 800)), ['0 container warn']],
  [
    'a swing back in between begins the five seconds anew',
    held(860, 700, 700, 700, 830, 700, 700, 700, 700),
    ['0 container warn'],
  ],
  [
    'a second climb after it eased',
    held(860, ...repeat(6, 100), 860),
    ['0 container warn', '6 container eased', '7 container warn'],
  ],
] as const)
  t.test(`container: ${name}`, async t => t.strictSame(run(samples).said, want))

for (const [name, heap, want] of [
  // 50 MB a second, 137.5 MB left: 2.75 s.
  ['more than half of it is V8 heap: the second rung at once', 432, ['2 container warn', '3 container critical']],
  ['just half of it is', 431.25, ['2 container warn']],
] as const)
  t.test(`container that is nearly full: ${name}`, async t => {
    const samples = [825, 837.5, 850, 862.5].map(held => ({ held, old: heap }))
    const limits = { ...LIMITS, ceilingBytes: mbToBytes(1500) }
    t.strictSame(run(samples, { limits, everyMs: 250 }).said, want)
  })

for (const [name, samples, want] of [
  ['calm', [{ held: 100 }], [false]],
  ['the first rung', [{ held: 949 }], [false]],
  ['the second rung exactly', [{ held: 950 }], [true]],
  ['not while it is between the rungs again, though the climb goes on', [{ held: 960 }, { held: 949 }], [true, false]],
  ['the heap, on the second rung', [{ old: 96 }], [true]],
  ['the heap, just under it', [{ old: 96 }, { old: 94, majors: 1 }], [true, false]],
  [
    'the heap: all of the ceiling is taken, whatever the level',
    [
      { old: 92, majors: 1 },
      { old: 86, taken: 98, majors: 2 },
    ],
    [false, true],
  ],
  ['both', [{ old: 96, held: 960 }], [true]],
] as const)
  t.test(`critical at this very look: ${name}`, async t => {
    let state: LadderState = ladderOf(LIMITS)
    const found = (samples as readonly Given[]).map((given, n) => {
      const sample = sampleOf(given, n * 1000)
      state = step(state, sample, millis(n * 1000)).state
      return isCriticalAt(state, sample, millis(n * 1000))
    })
    t.strictSame(found, want)
  })

for (const [name, from, said, want] of [
  ['nothing said: as it was', {}, {}, { heap: undefined, container: undefined }],
  ['one rung of the heap', {}, { heap: 'warn' }, { heap: 'warn', container: undefined }],
  ['both of both', {}, { heap: 'critical', container: 'warn' }, { heap: 'critical', container: 'warn' }],
  ['a higher one than the own', { held: 860 }, { container: 'critical' }, { heap: undefined, container: 'critical' }],
  ['a lower one than the own', { held: 960 }, { container: 'warn' }, { heap: undefined, container: 'critical' }],
  ['the own is kept where nothing was said', { held: 860 }, {}, { heap: undefined, container: 'warn' }],
] as const)
  t.test(`rungs that another thread has said: ${name}`, async t => {
    const all: { heap: Rung | undefined; container: Rung | undefined } = {
      heap: undefined,
      container: undefined,
      ...said,
    }
    const { state } = run([from])
    const { heap, container } = withRungs(state, all)
    t.strictSame({ heap: heap.rung, container: container.rung }, want)
  })

t.test('rungs that another thread has said: not said again, and eased in time', async t => {
  const from = withRungs(ladderOf(LIMITS), { heap: undefined, container: 'critical' })
  t.strictSame(run(held(860, 990, 100, 100, 100, 100, 100, 100), { from }).said, ['7 container eased'])
})

t.test('critical at this very look: a container without a limit never is', async t => {
  const limits = { ...LIMITS, containerBytes: undefined }
  const sample = sampleOf({ held: 5000 }, 0)
  t.equal(isCriticalAt(step(ladderOf(limits), sample, millis(0)).state, sample, millis(0)), false)
})

for (const [name, container, want] of [
  ['usage alone', { usageBytes: mbToBytes(900) }, 900],
  ['the working set', { usageBytes: mbToBytes(900), workingSetBytes: mbToBytes(300) }, 300],
  [
    'file pages that are active are page cache too',
    { usageBytes: mbToBytes(900), workingSetBytes: mbToBytes(890), split: { file: mbToBytes(800), shmem: bytes(0) } },
    100,
  ],
  [
    'tmpfs is not given back',
    {
      usageBytes: mbToBytes(900),
      workingSetBytes: mbToBytes(890),
      split: { file: mbToBytes(800), shmem: mbToBytes(790) },
    },
    890,
  ],
  ['a split that does not add up', { usageBytes: mbToBytes(10), split: { file: mbToBytes(20) } }, 0],
  ['nothing can be read: RSS', {}, 50],
] as const)
  t.test(`what the container holds: ${name}`, async t =>
    t.equal(containerUsed(sampleOf({ container }, 0)), mbToBytes(want)),
  )

t.test('without a known limit the container is not judged', async t => {
  const limits = { ...LIMITS, containerBytes: undefined }
  t.strictSame(run(held(5000), { limits }).said, [])
})

t.test('a smaller limit: judged again, the same climb', async t => {
  const { state } = run(held(860))
  const smaller = underLimits(state, { ...LIMITS, containerBytes: mbToBytes(900) }, false)
  t.strictSame(run(held(860), { from: smaller }).said, ['0 container critical'])
})

for (const [name, counts, want] of [
  ['counts from before are not ours', [3, 3], []],
  ['one more', [3, 4, 4], ['1 killed 1']],
  ['two at once', [0, 2], ['1 killed 2']],
  ['a file that was gone for a moment', [1, undefined, 2], ['2 killed 1']],
  ['not given', [undefined, undefined], []],
] as const)
  t.test(`oom-kill: ${name}`, async t =>
    t.strictSame(run(counts.map(oomKill => (oomKill === undefined ? {} : { oomKill }))).said, want),
  )

for (const [name, pid, folder, want] of [
  ['a container’s first process: its group is no older', 1, '/own', 0],
  ['any other process: it may be', 7, '/own', undefined],
  ['the group above it has counted before', 1, '/pod', undefined],
  ['whoever is in it cannot be read', 1, '/gone', undefined],
  ['no group', 1, undefined, undefined],
] as const)
  t.test(`kills at the start: ${name}`, async t => {
    const group = folder === undefined ? undefined : ({ version: 'cgroup-v2', folder } as const)
    const procs: Readonly<Record<string, string>> = { '/own/cgroup.procs': '7\n1\n', '/pod/cgroup.procs': '11\n21\n' }
    const kills = killsAtStart(pid, group, path => procs[path])
    t.equal(kills, want)
    const { said } = run([{ oomKill: 2 }], { from: ladderOf(LIMITS, kills) })
    t.strictSame(said, want === 0 ? ['0 killed 2'] : [])
  })

for (const [name, isOtherGroup, want] of [
  ['the same group: counted on', false, ['0 killed 3', '2 killed 1']],
  ['another group: its earlier kills are none of these', true, ['2 killed 1']],
] as const)
  t.test(`oom-kill after the limit has moved: ${name}`, async t => {
    const { state } = run([{ oomKill: 0 }])
    const from = underLimits(state, { ...LIMITS, containerBytes: mbToBytes(600) }, isOtherGroup)
    t.strictSame(run([{ oomKill: 3 }, { oomKill: 3 }, { oomKill: 4 }], { from }).said, want)
  })

for (const [name, isOtherGroup, want] of [
  ['the same group: full before the next look', false, ['0 container critical']],
  ['another group, which may have held that all along', true, ['0 container warn']],
] as const)
  t.test(`a leap where the limit has moved: ${name}`, async t => {
    const { state } = run(held(400, 600), { everyMs: 100 })
    const from = underLimits(state, LIMITS, isOtherGroup)
    t.strictSame(run(held(890), { from, everyMs: 300 }).said, want)
  })

for (const [name, before, now, want] of [
  ['no sample before', undefined, { old: 50 }, undefined],
  ['nothing grows', { old: 50 }, { old: 50 }, undefined],
  ['the heap', { old: 40 }, { old: 50 }, 5000],
  ['the container is nearer', { old: 40, held: 100 }, { old: 50, held: 900 }, 125],
  ['over it already', { held: 900 }, { held: 1100 }, 0],
] as const)
  t.test(`time to the nearest limit: ${name}`, async t =>
    t.equal(timeToNearest(ladderOf(LIMITS), before && sampleOf(before, 0), sampleOf(now, 1000)), want),
  )

t.test('time to the nearest limit: no container', async t =>
  t.equal(
    timeToNearest(
      ladderOf({ ...LIMITS, containerBytes: undefined }),
      sampleOf({ held: 1 }, 0),
      sampleOf({ held: 9 }, 1),
    ),
    undefined,
  ),
)

t.test('the profile ends a minute after it was last asked for', async t => {
  const calm = repeat(70, { old: 30, majors: 3 })
  const { said } = run([...floors(70, 76), ...calm])
  t.strictSame(said, ['1 profile', '62 no profile'])
})

for (const [name, everyMs, samples, want] of [
  [
    'the container, full in 0.4 s: the next look',
    50,
    held(812, 830, 849, 869, 888),
    ['3 container warn', '4 container critical'],
  ],
  ['the container, full a little later', 50, held(819, 831, 843, 855, 867), ['3 container warn']],
  ['the container, full before the next look but one', 200, held(600, 700, 860), ['2 container critical']],
  ['the container, full before the next look but below the first rung', 50, held(700, 770, 840), []],
  ['the heap, full before the next look but one, below the first rung', 400, floors(57, 68, 79), ['2 heap critical']],
  ['the heap, just below what V8 may give up at', 400, floors(56.9, 67.9, 78.9), []],
  [
    'a heap in which V8 finds no room: a rung a look',
    100,
    floors(77, 78, 79, 80, 80),
    ['3 heap warn cramped', '4 heap critical cramped'],
  ],
  [
    'the same above the first rung: critical at once',
    100,
    floors(86, 86, 86, 86),
    ['0 heap warn', '3 heap critical cramped'],
  ],
  ['the heap, by far not full before the next look but one', 400, floors(73, 76, 79), []],
] as const)
  t.test(`no other look may come: ${name}`, async t =>
    t.strictSame(
      run(samples, { everyMs }).said.filter(word => !word.endsWith('profile')),
      want,
    ),
  )
