import t from 'tap'
import { heapLevel, isCrampedAt } from '../../preload/core/heap-level.ts'
import { ladderOf } from '../../preload/core/ladder.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'
import { floors, LIMITS, repeat, run, sampleOf } from './climbing.ts'

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
  ['collections back to back that free nothing', 100, [77, 78, 79, 80], ['3 heap warn cramped']],
  ['and one more', 100, [77, 78, 79, 80, 80], ['3 heap warn cramped', '4 heap critical cramped']],
  ['the same in haste: full in a third of a second', 50, [71, 74, 77, 80], ['3 heap critical cramped']],
  ['the same, a hundred times slower', 10_000, [77, 78, 79, 80], []],
  ['from half to 90 % between two looks: full in a tenth of a second', 400, [50, 90], ['1 heap critical']],
  ['the same in two seconds', 2000, [50, 90], ['1 heap warn']],
  ['below what V8 gives up at', 100, [75, 76, 77, 78], []],
] as const)
  t.test(`heap: ${name}`, async t =>
    t.strictSame(
      run(floors(...levels), { everyMs }).said.filter(word => !word.endsWith('profile')),
      want,
    ),
  )

for (const [name, everyMs, majors, want] of [
  ['four collections in two looks', 399, [1, 4], ['1 heap warn cramped']],
  ['in 1 ms a MB each they are not back to back', 400, [1, 4], []],
  ['five in two looks', 499, [1, 5], ['1 heap warn cramped']],
  ['three are too few', 10, [1, 3], []],
  ['three and one more', 10, [1, 3, 4], ['2 heap warn cramped']],
  ['the same collections long before do not count', 399, [1, 2, 3, 4], []],
] as const)
  t.test(`heap: collections back to back, fewer looks: ${name}`, async t =>
    t.strictSame(
      run(
        majors.map((majors, n) => ({ old: 80 + n / 100, majors })),
        { everyMs },
      ).said.filter(word => !word.endsWith('profile')),
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

/** MB that the first of five collections in a row freed, the second … */
for (const [name, freed, lastMB, want] of [
  ['each just under three hundredths of the ceiling', [2.9, 2.9, 2.9, 2.9, 2.9], 80, true],
  ['the last just three', [0, 0, 0, 0, 3], 80, false],
  ['the first of the last four just three', [0, 3, 0, 0, 0], 80, false],
  ['one before the last four any number', [50, 0, 0, 0, 0], 80, true],
  ['just what V8 gives up at is left', [0, 0, 0, 0, 0], 79, true],
  ['less than that', [0, 0, 0, 0, 0], 78.9, false],
] as const)
  t.test(`heap: what four collections back to back have freed: ${name}`, async t => {
    const left = freed.map((freedMB, n) => ({
      atMs: millis(n * 50),
      value: mbToBytes(n < 4 ? 80 : lastMB),
      freed: mbToBytes(freedMB),
      collections: n + 1,
    }))
    const state = { ...ladderOf(LIMITS), floors: left, majorCollections: 5 }
    t.equal(isCrampedAt(state, sampleOf({ old: lastMB, majors: 5 }, 200), millis(200)), want)
  })
