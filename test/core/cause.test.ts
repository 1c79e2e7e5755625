import t from 'tap'
import { causeOf, growthOver, hasWorkers, type Look, lookAt } from '../../preload/core/cause.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'

interface Parts {
  readonly heap?: number
  readonly buffers?: number
  readonly rest?: number
  readonly tmpfs?: number
  readonly others?: number
  readonly noSplit?: boolean
}

/** A look, at a second, with so many MB in each part. */
function look(
  second: number,
  { heap = 30, buffers = 5, rest = 45, tmpfs = 0, others = 0, noSplit = false }: Parts,
): Look {
  const rss = heap + buffers + rest
  return {
    atMs: millis(second * 1000),
    heapUsed: mbToBytes(heap),
    rss: mbToBytes(rss),
    heapTotal: mbToBytes(heap),
    arrayBuffers: mbToBytes(buffers),
    held: mbToBytes(rss + tmpfs + others),
    shmem: noSplit ? undefined : mbToBytes(tmpfs),
  }
}

const LIMIT = mbToBytes(500)

for (const [name, before, now, workers, kind, part] of [
  ['the heap', {}, { heap: 230 }, false, 'heap', 200],
  ['Buffers', {}, { buffers: 205 }, false, 'buffers', 200],
  ['native memory', {}, { rest: 245 }, false, 'native', 200],
  ['the same while workers run', {}, { rest: 245 }, true, 'workers', 200],
  ['another process', {}, { others: 200 }, false, 'process', 200],
  ['tmpfs', {}, { tmpfs: 200 }, false, 'tmpfs', 200],
  [
    'files in memory, written by way of Buffers that are garbage now',
    {},
    { buffers: 105, tmpfs: 80 },
    false,
    'tmpfs',
    80,
  ],
  ['Buffers, and files that are too few for that', {}, { buffers: 105, tmpfs: 79 }, false, 'buffers', 100],
  ['copies in native code, made of Buffers that are garbage now', {}, { buffers: 105, rest: 125 }, false, 'native', 80],
  ['Buffers, and copies that are too few for that', {}, { buffers: 105, rest: 124 }, false, 'buffers', 100],
  ['just under a half each', {}, { buffers: 102, rest: 144, heap: 36 }, false, 'native', 99],
  ['copies, and too few Buffers for that', {}, { buffers: 28, rest: 75, heap: 59 }, false, 'unknown', 30],
  ['files in memory alone would not be most of it', {}, { buffers: 105, tmpfs: 90, others: 10 }, false, 'tmpfs', 90],
  ['most of it counts, not all', {}, { buffers: 135, heap: 100 }, false, 'buffers', 130],
  ['just a half counts as most', {}, { heap: 130, buffers: 105 }, false, 'heap', 100],
  ['and a little less does not', {}, { heap: 130, buffers: 104, rest: 47 }, false, 'unknown', 100],
  ['a large heap that stays is not what grows', { heap: 200 }, { heap: 200, buffers: 155 }, false, 'buffers', 150],
  ['three parts alike: no part by itself', {}, { buffers: 75, heap: 100, tmpfs: 70 }, false, 'unknown', 70],
  ['a heap that shrank meanwhile', { heap: 100 }, { heap: 30, buffers: 225 }, false, 'buffers', 220],
] as const)
  t.test(`cause: ${name}`, async t => {
    const latest = look(60, now)
    const cause = causeOf([look(1, before), latest], latest, LIMIT, workers)
    t.equal(cause.kind, kind)
    t.equal(cause.partBytes, mbToBytes(part))
    t.equal(cause.sinceMs, 59_000)
  })

for (const [name, now, workers, kind] of [
  ['Buffers', { buffers: 300 }, false, 'buffers'],
  ['the heap', { heap: 300 }, false, 'heap'],
  ['what Node needs when idle is not native growth', { rest: 90, heap: 70, buffers: 20 }, false, 'unknown'],
  ['native memory', { rest: 300 }, false, 'native'],
  ['workers from the start', { rest: 300 }, true, 'workers'],
  ['others', { others: 300 }, false, 'process'],
] as const)
  t.test(`no growth was seen: what most of it is: ${name}`, async t => {
    const latest = look(1, now)
    const cause = causeOf([latest], latest, LIMIT, workers)
    t.equal(cause.kind, kind)
    t.equal(cause.sinceMs, undefined)
    t.equal(cause.ofBytes, latest.held)
  })

t.test('since when: the last time that it was a quarter of the limit lower, else a tenth', async t => {
  const latest = look(10, { buffers: 200 })
  const history = [
    look(1, { buffers: 20 }),
    look(5, { buffers: 60 }),
    look(7, { buffers: 100 }),
    look(9, { buffers: 140 }),
    latest,
  ]
  t.equal(causeOf(history, latest, LIMIT, false).sinceMs, 5000)
  t.equal(causeOf(history.slice(3), latest, LIMIT, false).sinceMs, 1000)
  t.equal(causeOf(history.slice(4), latest, LIMIT, false).sinceMs, undefined)
})

t.test('a calm look without the split is not compared with one that has it', async t => {
  const latest = look(10, { tmpfs: 300 })
  const history = [look(1, {}), look(5, { noSplit: true }), latest]
  t.equal(causeOf(history, latest, LIMIT, false).sinceMs, 9000)
  const without = look(10, { buffers: 300, noSplit: true })
  t.equal(causeOf([look(5, { noSplit: true })], without, LIMIT, false).kind, 'buffers')
})

t.test('memory that was freed everywhere', async t =>
  t.match(causeOf([], look(1, { heap: 0, buffers: 0, rest: 0 }), LIMIT, false), { kind: 'unknown', partBytes: 0 }),
)

t.test('the parts of a sample', async t => {
  const sample: Sample = {
    memory: { rss: bytes(50), heapTotal: bytes(20), heapUsed: bytes(15), external: bytes(9), arrayBuffers: bytes(8) },
    heapLimitBytes: bytes(100),
    oldSpaceBytes: bytes(12),
    oldCapacityBytes: bytes(14),
    majorCollections: 0,
    container: { usageBytes: bytes(80), split: { shmem: bytes(7) } },
    uptimeMs: millis(3),
  }
  t.strictSame(lookAt(sample, millis(3)), {
    atMs: 3,
    heapUsed: 15,
    rss: 50,
    heapTotal: 20,
    arrayBuffers: 8,
    held: 80,
    shmem: 7,
  })
  t.equal(lookAt({ ...sample, container: {} }, millis(3)).shmem, undefined)
})

t.test('growth is that of the last looks', async t => {
  const history = Array.from({ length: 30 }, (_, n) => look(n, { buffers: n < 15 ? 0 : (n - 15) * 10 }))
  t.match(growthOver(history, 'held'), { perMs: mbToBytes(10) / 1000, isSteady: true })
  t.equal(growthOver(history, 'heapUsed')?.perMs, 0)
})

t.test(
  'growth is that of a dozen looks: a burst of three is none, and what was before them does not count',
  async t => {
    const burst = Array.from({ length: 12 }, (_, n) => look(n, { buffers: n < 9 ? 5 : (n - 8) * 100 }))
    t.match(growthOver(burst, 'held'), { perMs: 0, isSteady: false })
    t.match(growthOver(burst.slice(-3), 'held'), { perMs: mbToBytes(100) / 1000, isSteady: true })
    const after = Array.from({ length: 12 }, () => look(10, { buffers: 105 }))
    t.match(growthOver([look(0, {}), ...after.slice(1)], 'held'), { perMs: mbToBytes(10) / 1000 }, 'the twelfth')
    t.equal(growthOver([look(0, {}), ...after], 'held'), undefined, 'the thirteenth')
  },
)

for (const [name, threads, pool, want] of [
  ['not known', undefined, 4, false],
  ['Node alone', 7, 4, false],
  ["and libuv's pool", 11, 4, false],
  ['one worker', 8, 4, true],
  ['a pool and a worker', 12, 4, true],
  ['a larger pool', 15, 8, false],
] as const)
  t.test(`do workers run: ${name}`, async t => t.equal(hasWorkers(threads, pool), want))
