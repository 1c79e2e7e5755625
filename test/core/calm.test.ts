import fc from 'fast-check'
import t from 'tap'
import { type Glance, isCalm } from '../../preload/core/calm.ts'
import { type LadderLimits, type LadderState, ladderOf, step, timeToNearest } from '../../preload/core/ladder.ts'
import { nextLook } from '../../preload/core/pace.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { type Bytes, bytes, mbToBytes, millis } from '../../preload/core/units.ts'

const LIMITS: LadderLimits = {
  ceilingBytes: mbToBytes(300),
  containerBytes: mbToBytes(600),
  warnPercent: 85,
  criticalPercent: 95,
}
const AT_REST = ladderOf(LIMITS)
const CLIMBING = { rung: 'warn', underSince: undefined, recent: [] } as const
const floors = [{ atMs: millis(1), value: mbToBytes(20), freed: 0, collections: 0 }]

/** A glance, in MB; `noUsage`: it could not be read. */
const glance = (given: { heap?: number; usage?: number; noUsage?: boolean; majors?: number } = {}): Glance => {
  const { heap = 20, usage = 80, majors = 0 } = given
  return {
    heapUsedBytes: mbToBytes(heap),
    majorCollections: majors,
    usageBytes: given.noUsage ? undefined : mbToBytes(usage),
    uptimeMs: millis(0),
  }
}

const rows: readonly (readonly [string, Partial<LadderState>, Glance, Glance, boolean])[] = [
  ['all far below', {}, glance(), glance(), true],
  ['a heap just under a third', {}, glance({ heap: 99 }), glance({ heap: 99 }), true],
  ['a heap of a third', {}, glance({ heap: 100 }), glance({ heap: 100 }), false],
  ['a container just under a third', {}, glance({ usage: 199 }), glance({ usage: 199 }), true],
  ['a container of a third', {}, glance({ usage: 200 }), glance({ usage: 200 }), false],
  ['no usage, while there is a limit', {}, glance({ noUsage: true }), glance({ noUsage: true }), false],
  ['usage that was not readable before', {}, glance({ noUsage: true }), glance(), false],
  // 300 MB - 40 MB are 260, 12 glances of 21 MB are 252, of 22 MB 264.
  ['a heap that has twelve glances left', {}, glance({ heap: 19 }), glance({ heap: 40 }), true],
  ['a heap that has fewer', {}, glance({ heap: 18 }), glance({ heap: 40 }), false],
  // 300 MB - 60 MB are 240, just as much as 12 glances of 20 MB.
  ['a heap that is full at the twelfth glance', {}, glance({ heap: 40 }), glance({ heap: 60 }), false],
  ['a heap that is full just behind it', {}, glance({ heap: 40.1 }), glance({ heap: 60 }), true],
  ['a container that has twelve glances left', {}, glance({ usage: 80 }), glance({ usage: 119 }), true],
  ['a container that has fewer', {}, glance({ usage: 80 }), glance({ usage: 121 }), false],
  ['what falls is calm', {}, glance({ heap: 90, usage: 190 }), glance({ heap: 20, usage: 80 }), true],
  ['a collection', {}, glance(), glance({ majors: 1 }), false],
  ['a collection that is in the state already', { majorCollections: 1 }, glance(), glance({ majors: 1 }), true],
  ['at what the last collection left', { floors }, glance(), glance({ heap: 20 }), true],
  ['below it: a collection that was not noticed', { floors }, glance(), glance({ heap: 19 }), false],
  ['the heap is on a rung', { heap: CLIMBING }, glance(), glance(), false],
  ['the container is on a rung', { container: CLIMBING }, glance(), glance(), false],
  ['allocations are sampled', { isProfiling: true }, glance(), glance(), false],
]
for (const [name, state, before, now, want] of rows)
  t.test(`calm: ${name}`, async t =>
    t.equal(isCalm({ ...AT_REST, ...state }, LIMITS.containerBytes, before, now), want),
  )

t.test('calm: without a limit the usage is not asked for', async t => {
  const free = ladderOf({ ...LIMITS, containerBytes: undefined })
  t.ok(isCalm(free, undefined, glance({ noUsage: true }), glance({ noUsage: true })))
  t.notOk(isCalm(free, undefined, glance({ heap: 100 }), glance({ heap: 100 })))
})

const sampleOf = (
  { heapUsedBytes, majorCollections, usageBytes }: Glance,
  at: number,
  oldSpaceBytes: Bytes = heapUsedBytes,
): Sample => ({
  memory: {
    rss: usageBytes as Bytes,
    heapTotal: heapUsedBytes,
    heapUsed: heapUsedBytes,
    external: bytes(0),
    arrayBuffers: bytes(0),
  },
  heapLimitBytes: mbToBytes(310),
  oldSpaceBytes,
  oldCapacityBytes: oldSpaceBytes,
  majorCollections,
  container: { usageBytes: usageBytes as Bytes },
  uptimeMs: millis(at),
})

/** All but what the next look would have said anyhow: the levels of the last looks, and when there was need of a profile. */
const judged = ({ sinceFloor: _, calmSince: __, heap, container, ...state }: LadderState): string =>
  JSON.stringify({ ...state, heap: { ...heap, recent: [] }, container: { ...container, recent: [] } })

t.test('where a glance is calm the ladder has nothing to say, and the pace stays', async t => {
  const runs = Number(process.env.HEAPGUARD_PROPERTY_RUNS ?? 2000)
  const level = fc.record({
    heap: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 30, max: 40 }) }, fc.integer({ min: 1, max: 320 })),
    young: fc.integer({ min: 0, max: 10 }),
    usage: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 80, max: 100 }) }, fc.integer({ min: 1, max: 640 })),
    collects: fc.nat(4).map(n => n === 0),
  })
  let calm = 0
  fc.assert(
    fc.property(fc.array(level, { minLength: 2, maxLength: 30 }), levels => {
      let state = AT_REST
      let before: Glance | undefined
      let majors = 0
      let old = 0
      for (const [n, { heap, young, usage, collects }] of levels.entries()) {
        const at = (n + 1) * 1000
        // The old generation gets smaller by a major collection alone, which a glance counts.
        if (collects || heap < old) majors++
        old = heap
        const now = glance({ heap: heap + young, usage, majors })
        const sample = sampleOf(now, at, mbToBytes(heap))
        const next = step(state, sample, sample.uptimeMs)
        if (before !== undefined && isCalm(state, LIMITS.containerBytes, before, now)) {
          calm++
          const nearestMs = timeToNearest(state, sampleOf(before, at - 1000), sample)
          const pace = nextLook({
            calmMs: millis(1000),
            lastMs: millis(1000),
            nearestMs,
            lateMs: millis(0),
            isUp: false,
          })
          if (next.events.length > 0 || pace !== 1000 || judged(next.state) !== judged(state)) return false
        }
        state = next.state
        before = now
      }
      return true
    }),
    { numRuns: runs },
  )
  t.ok(calm > runs, `${calm} of them were calm`)
})
