import t from 'tap'
import { budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import { type Look, lookAt } from '../../preload/core/cause.ts'
import { ladderOf } from '../../preload/core/ladder.ts'
import { judgedOf, lastingGrowth, type Scraped, type Standing, scrapedAfter } from '../../preload/core/metric-facts.ts'
import { ladderLimitsOf } from '../../preload/core/resize.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'

const budgetWith = (containerMB: number | undefined): HeapBudget =>
  budgetOf({
    heapLimitBytes: mbToBytes(103),
    oldSpaceLimit: { kind: 'set', limitBytes: mbToBytes(100), source: 'flag', text: '-', from: 'NODE_OPTIONS' },
    kernelLimit:
      containerMB === undefined
        ? { kind: 'unknown', reason: 'no such file' }
        : { kind: 'limited', limitBytes: mbToBytes(containerMB), source: 'cgroup-v2', path: '/x', confidence: 'high' },
    operatorMB: undefined,
    nodeSeesBytes: undefined,
  })

const sampleAt = (second: number, heapMB: number, heldMB: number): Sample => ({
  memory: {
    rss: mbToBytes(heldMB),
    heapTotal: mbToBytes(heapMB),
    heapUsed: mbToBytes(heapMB),
    external: bytes(0),
    arrayBuffers: bytes(0),
  },
  heapLimitBytes: mbToBytes(103),
  oldSpaceBytes: mbToBytes(heapMB),
  oldCapacityBytes: mbToBytes(heapMB),
  majorCollections: 0,
  container: { usageBytes: mbToBytes(heldMB) },
  uptimeMs: millis(second * 1000),
})

/** Ten looks a second apart, the heap growing by 1 MB and the container by `heldMB` between two. */
function standing(containerMB: number | undefined, heldMB = 10): Standing {
  const budget = budgetWith(containerMB)
  const samples = Array.from({ length: 10 }, (_, n) => sampleAt(100 + n, 70 + n, 200 + n * heldMB))
  const history: readonly Look[] = samples.map(sample => lookAt(sample, sample.uptimeMs))
  const state = ladderOf(ladderLimitsOf(budget, containerMB === undefined ? undefined : mbToBytes(containerMB), RUNGS))
  return { sample: samples.at(-1) as Sample, group: undefined, budget, state, history, warnPercent: 85 }
}
const RUNGS = { warnPercent: 85, criticalPercent: 95 }

t.test('a container that grows by 10 MB a second and is 210 MB from its limit: 21 s', async t => {
  const { rungs, timeLeft, verdict } = judgedOf(standing(500), scrapedAfter(undefined, standing(500)))
  t.strictSame(rungs, { heap: undefined, container: undefined })
  t.equal(timeLeft.container, 21_000)
  t.equal(verdict, 'fits')
})

t.test('the heap by the level that it is judged by: no collection was noticed, so 79 MB of 100 count as 58', async t =>
  t.equal(judgedOf(standing(500), scrapedAfter(undefined, standing(500))).timeLeft.heap, 42_000),
)

t.test('nothing that grows, no end', async t =>
  t.equal(judgedOf(standing(500, 0), scrapedAfter(undefined, standing(500, 0))).timeLeft.container, undefined),
)

t.test('no limit is known: the heap alone is judged', async t => {
  const { rungs, timeLeft } = judgedOf(standing(undefined), scrapedAfter(undefined, standing(undefined)))
  t.strictSame(rungs, { heap: undefined })
  t.equal(timeLeft.container, undefined)
})

t.test('rungs and verdict are those of the watch', async t => {
  const given = standing(100)
  const state = {
    ...given.state,
    heap: { rung: 'warn', underSince: undefined, recent: [] },
    container: { rung: 'critical', underSince: millis(1), recent: [] },
  } as const
  const { rungs, verdict } = judgedOf({ ...given, state }, scrapedAfter(undefined, given))
  t.strictSame(rungs, { heap: 'warn', container: 'critical' })
  t.equal(verdict, 'exceeds')
})

t.test('the counter of kills goes on from group to group without a jump', async t => {
  const seen = (folder: string, oomKill?: number) => ({
    sample: { ...sampleAt(1, 1, 1), container: { ...(oomKill !== undefined && { events: { oomKill } }) } },
    group: { version: 'cgroup-v2', folder } as const,
  })
  let scraped: Scraped | undefined
  const totals: (number | undefined)[] = []
  for (const next of [
    seen('/app'),
    seen('/app', 2),
    seen('/app', 3),
    seen('/pod', 9),
    seen('/pod'),
    seen('/pod', 10),
    seen('/app', 3),
    seen('/app', 5),
    seen('/app', 1),
    seen('/app', 2),
  ]) {
    scraped = scrapedAfter(scraped, next)
    totals.push(scraped.kills?.total)
  }
  t.strictSame(totals, [undefined, 2, 3, 3, 3, 4, 4, 6, 6, 7])
})

const looksAt = (...points: readonly (readonly [second: number, heldMB: number])[]): readonly Look[] =>
  points.map(([second, heldMB]) => {
    const sample = sampleAt(second, heldMB, heldMB)
    return lookAt(sample, sample.uptimeMs)
  })
const each = (from: number, to: number, step: number, mb: (second: number) => number): [number, number][] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => [from + n * step, mb(from + n * step)])

for (const [name, points, mbPerS] of [
  [
    'a start fills memory, and then nothing does',
    [
      [0, 60],
      [0.2, 80],
      [1, 90],
      [20, 91],
    ],
    undefined,
  ],
  [
    'a start, long ago',
    [
      [0, 60],
      [0.2, 80],
      [1, 90],
      [60, 90],
      [120, 90],
      [180, 90],
      [240, 90],
    ],
    undefined,
  ],
  [
    'three looks are no trend',
    [
      [100, 60],
      [101, 70],
      [102, 80],
    ],
    undefined,
  ],
  [
    'four are one',
    [
      [100, 60],
      [101, 70],
      [102, 80],
      [103, 90],
    ],
    10,
  ],
  [
    'three and the start are none',
    [
      [10, 50],
      [100, 60],
      [101, 70],
      [102, 80],
    ],
    undefined,
  ],
  ['a look a minute that finds 1 MB more', each(60, 360, 60, s => s / 60), 1 / 60],
  ['a leak seen each second', each(30, 70, 1, s => s * 5), 5],
  ['a burst that is over', [[60, 60], ...each(100, 110, 1, s => s * 5), [170, 550], [230, 550]], undefined],
  ['growth that ended half an hour ago', [...each(60, 600, 60, s => s), [2400, 600]], undefined],
] as readonly (readonly [string, [number, number][], number | undefined])[])
  t.test(`the growth that lasts: ${name}`, async t => {
    const looks = looksAt(...points)
    const growth = lastingGrowth(looks, 'held')
    const said = growth?.isSteady ? (growth.perMs * 1000) / mbToBytes(1) : undefined
    if (mbPerS === undefined) t.equal(said, undefined)
    else t.ok(Math.abs((said ?? 0) - mbPerS) < mbPerS / 1e3, `${said} MB/s`)
  })

t.test(
  'a calm process has no looks of its own: the scrapes tell what grows, and begin anew in another group',
  async t => {
    const given = standing(500)
    let scraped: Scraped | undefined
    const left = (second: number, heldMB: number, folder: string) => {
      const now = { ...given, sample: sampleAt(second, 40, heldMB), group: { version: 'cgroup-v2', folder } as const }
      scraped = scrapedAfter(scraped, now)
      return judgedOf({ ...now, history: [] }, scraped).timeLeft.container
    }
    t.equal(left(15, 100, '/a'), undefined)
    t.equal(left(30, 115, '/a'), undefined)
    t.equal(left(45, 130, '/a'), undefined)
    t.equal(left(60, 145, '/a'), 355_000)
    t.equal(left(75, 160, '/b'), undefined)
  },
)

t.test('the growth that lasts: nothing was seen', async t => t.equal(lastingGrowth([], 'held'), undefined))
