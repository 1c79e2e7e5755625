import t from 'tap'
import { type Growth, growthOf, type Point, remember, timeTo } from '../../preload/core/trend.ts'
import { type Millis, millis } from '../../preload/core/units.ts'

const points = (...values: readonly (readonly [number, number])[]): Point[] =>
  values.map(([at, value]) => ({ atMs: millis(at), value }))

for (const [name, given, want] of [
  ['nothing', points(), undefined],
  ['one point', points([0, 5]), undefined],
  ['two at the same time', points([3, 5], [3, 9]), undefined],
  ['two', points([0, 0], [10, 5]), { perMs: 0.5, isSteady: true }],
  ['flat', points([0, 5], [10, 5], [20, 5]), { perMs: 0, isSteady: false }],
  ['falling', points([0, 9], [10, 4]), { perMs: -0.5, isSteady: false }],
  [
    'one wild point among many',
    points([0, 0], [10, 10], [20, 900], [30, 30], [40, 40], [50, 50]),
    { perMs: 1, isSteady: true },
  ],
  ['up and down by turns', points([0, 0], [10, 9], [20, 0], [30, 9], [40, 0]), { perMs: 0, isSteady: false }],
] as const)
  t.test(`growth: ${name}`, async t => t.strictSame(growthOf(given), want))

const growth = (perMs: number, isSteady = true): Growth => ({ perMs, isSteady })
for (const [name, limit, value, given, want] of [
  ['far enough to say', 100, 50, growth(1), 50],
  ['over it already', 100, 120, growth(1), 0],
  ['no growth known', 100, 50, undefined, undefined],
  ['growth that is not steady', 100, 50, growth(1, false), undefined],
  ['falling', 100, 50, growth(-1), undefined],
  ['just within a day', 86_400_000, 0, growth(1), 86_400_000],
  ['just beyond', 86_400_001, 0, growth(1), undefined],
] as const)
  t.test(`time to a limit: ${name}`, async t => t.equal(timeTo(limit, value, given), want))

t.test('what is remembered: the first, the newest, and fewer of those between the older they are', async t => {
  let kept: readonly { readonly atMs: Millis }[] = []
  for (let second = 0; second < 20_000; second++) kept = remember(kept, { atMs: millis(second * 1000) })
  const ages = kept.map(({ atMs }) => 19_999 - atMs / 1000)
  t.equal(kept.length, 48)
  t.equal(ages[0], 19_999)
  t.strictSame(ages.slice(-16), [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  for (const least of [30, 100, 300, 1000, 3000, 10_000])
    t.ok(
      ages.some(age => age >= least && age < least * 2),
      `one about ${least} s ago: ${ages.join()}`,
    )
})

t.test('few are all kept', async t =>
  t.equal(
    Array.from({ length: 48 }, (_, n) => ({ atMs: millis(n) })).reduce<readonly { atMs: Millis }[]>(remember, [])
      .length,
    48,
  ),
)
