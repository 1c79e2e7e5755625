import t from 'tap'
import {
  containerUsed,
  heapLevel,
  isCriticalAt,
  type LadderEvent,
  type LadderLimits,
  type LadderState,
  ladderOf,
  type Rung,
  step,
  timeToNearest,
  underLimits,
  withRungs,
} from '../../preload/core/ladder.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import type { ContainerUsage } from '../../preload/core/usage.ts'

const LIMITS: LadderLimits = {
  ceilingBytes: mbToBytes(100),
  containerBytes: mbToBytes(1000),
  warnPercent: 85,
  criticalPercent: 95,
}

interface Given {
  /** MB of the old generation. */
  readonly old?: number
  /** MB that V8 has taken for it. */
  readonly taken?: number
  /** MB of the young generation. */
  readonly young?: number
  /** Major collections so far. */
  readonly majors?: number
  /** MB that the container holds. */
  readonly held?: number
  readonly rss?: number
  readonly container?: ContainerUsage
  readonly oomKill?: number
}

const sampleOf = (given: Given, at: number): Sample => {
  const { old = 10, young = 0, majors = 0, held = 100, rss = 50, oomKill } = given
  const usageBytes = mbToBytes(held)
  return {
    memory: {
      rss: mbToBytes(rss),
      heapTotal: mbToBytes(old + young),
      heapUsed: mbToBytes(old + young),
      external: bytes(0),
      arrayBuffers: bytes(0),
    },
    heapLimitBytes: mbToBytes(103),
    oldSpaceBytes: mbToBytes(old),
    oldCapacityBytes: mbToBytes(given.taken ?? old),
    majorCollections: majors,
    container: given.container ?? { usageBytes, ...(oomKill === undefined ? {} : { events: { oomKill } }) },
    uptimeMs: millis(at),
  }
}

/** Steps through samples, one each `everyMs`; what is said, as words, with the number of the sample. */
function run(samples: readonly Given[], { limits = LIMITS, everyMs = 1000, from = ladderOf(limits) } = {}) {
  let state: LadderState = from
  const said: string[] = []
  for (const [n, given] of samples.entries()) {
    const at = (n + 1) * everyMs
    const next = step(state, sampleOf(given, at), millis(at))
    state = next.state
    for (const event of next.events) said.push(`${n} ${words(event)}`)
  }
  return { said, state }
}

function words(event: LadderEvent): string {
  switch (event.kind) {
    case 'pressure':
      return `${event.resource} ${event.rung}${event.isCramped ? ' cramped' : ''}`
    case 'pressure-eased':
      return `${event.resource} eased`
    case 'oom-kill':
      return `killed ${event.count}`
    case 'profile':
      return event.on ? 'profile' : 'no profile'
  }
}

const held = (...levels: readonly number[]): Given[] => levels.map(level => ({ held: level }))
const repeat = <T>(times: number, value: T): T[] => Array.from({ length: times }, () => value)

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
  const smaller = underLimits(state, { ...LIMITS, containerBytes: mbToBytes(900) })
  t.strictSame(run(held(860), { from: smaller }).said, ['0 container critical'])
})

// Collections that leave so much, one a second.
const floors = (...levels: readonly number[]): Given[] => levels.map((old, n) => ({ old, majors: n + 1 }))

for (const [name, samples, want] of [
  [
    'a peak between two collections is no pressure',
    [...floors(50, 50, 50), { old: 94, majors: 3 }, ...repeat(9, { old: 50, majors: 4 })],
    [],
  ],
  ['what a collection leaves, exactly at the rung', floors(50, 85), ['1 heap warn', '1 profile']],
  ['just below', floors(84.9), []],
  ['the second rung', floors(86, 95), ['0 heap warn', '0 profile', '1 heap critical']],
  [
    'on a rung, what there is counts for the second',
    [...floors(86), { old: 95, majors: 1 }],
    ['0 heap warn', '0 profile', '1 heap critical'],
  ],
  [
    'a level that garbage cannot reach needs no collection',
    [...floors(50), { old: 96, majors: 1 }],
    ['1 heap critical', '1 profile'],
  ],
  [
    'no collection noticed at all: half-way to the ceiling',
    [{ old: 92.4 }, { old: 92.5 }],
    ['1 heap warn', '1 profile'],
  ],
  [
    'eased by a collection that was noticed',
    [...floors(86), ...repeat(7, { old: 30, majors: 2 })],
    ['0 heap warn', '0 profile', '6 heap eased'],
  ],
  ['the young generation fills nothing', [{ old: 50, young: 60, majors: 1 }], []],
] as const)
  t.test(`heap: ${name}`, async t => t.strictSame(run(samples).said, want))

t.test('heap: a level that went down was collected, whether that was noticed or not', async t => {
  const { state } = run([...floors(80), { old: 60, majors: 1 }])
  t.equal(heapLevel(state, sampleOf({ old: 70, majors: 1 }, 3000), millis(3000)), mbToBytes(60))
})

t.test('heap: where it rises from collection to collection, the level is carried on', async t => {
  const { state } = run(floors(50, 60, 70))
  const level = (old: number, young: number, at: number) =>
    heapLevel(state, sampleOf({ old, young, majors: 3 }, at), millis(at)) / mbToBytes(1)
  t.equal(level(80, 0, 4000), 80, 'a second later ten more')
  t.equal(level(72, 4, 4000), 76, 'never more than there is')
  t.equal(level(94, 0, 60_000), 90, 'no further than the rise was seen for')
})

for (const [name, everyMs, levels, want] of [
  ['collections back to back that free nothing', 100, [77, 78, 79, 80], ['3 heap critical cramped']],
  ['the same, a hundred times slower', 10_000, [77, 78, 79, 80], []],
  ['below what V8 gives up at', 100, [75, 76, 77, 78], []],
] as const)
  t.test(`heap: ${name}`, async t =>
    t.strictSame(
      run(floors(...levels), { everyMs }).said.filter(word => !word.endsWith('profile')),
      want,
    ),
  )

t.test('heap: on a rung, with all of the ceiling taken', async t => {
  const words = (taken: number) =>
    run([...floors(86), { old: 88, majors: 1, taken }]).said.filter(said => said.includes('heap'))
  t.strictSame(words(97), ['0 heap warn', '1 heap critical cramped'])
  t.strictSame(words(96.9), ['0 heap warn'])
  t.strictSame(run([...floors(50), { old: 80, majors: 1, taken: 100 }]).said, [], 'below the rungs it is no sign')
})

t.test('heap: back to back, but with something to free', async t => {
  const samples = floors(77, 78, 79, 80).flatMap(floor => [
    { ...floor, old: 84, majors: (floor.majors ?? 1) - 1 },
    floor,
  ])
  t.strictSame(
    run(samples, { everyMs: 50 }).said.filter(word => word.includes('cramped')),
    [],
  )
})

for (const [name, samples, want] of [
  ['past three quarters and rising', floors(74, 76), ['1 profile']],
  ['past three quarters and steady', floors(76, 76, 76, 76), []],
  ['up and down', floors(70, 78, 70, 78, 70), ['1 profile']],
  ['low, and the rung within a minute', floors(42, 44), ['1 profile']],
  ['too low to ask', floors(20, 22), []],
  ['a hundredth is noise', floors(60, 60.9), []],
  ['it rises, but falling short for long', floors(45, 46.1), ['1 profile']],
] as const)
  t.test(`the profile: ${name}`, async t => t.strictSame(run(samples).said.slice(0, 1), want))

t.test('the profile: the container fills with the heap', async t => {
  const limits = { ...LIMITS, ceilingBytes: mbToBytes(10_000), containerBytes: mbToBytes(500) }
  const samples = [
    { old: 200, majors: 1, rss: 250 },
    { old: 310, majors: 2, rss: 360 },
  ]
  t.strictSame(run(samples, { limits }).said, ['1 profile'])
  t.strictSame(run(samples, { limits: { ...limits, containerBytes: undefined } }).said, [])
})

t.test('the profile ends a minute after it was last asked for', async t => {
  const calm = repeat(70, { old: 30, majors: 3 })
  const { said } = run([...floors(70, 76), ...calm])
  t.strictSame(said, ['1 profile', '62 no profile'])
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
