// One look at V8: its collections are counted without calling for more of them, and its young generation is not the old one.
import t from 'tap'
import { mbToBytes, millis } from '../../preload/core/units.ts'
import type { Host } from '../../preload/host/host.ts'
import { openSampler } from '../../preload/host/sampler.ts'

/** V8 and the clock, turned by hand. */
function v8(spaces: Readonly<Record<string, number>> = {}) {
  let nowMs = 0
  let onGone: () => void = () => {}
  let isArmed = false
  let timer: { readonly everyMs: number; readonly tick: () => void } | undefined
  const host = {
    heapLimit: () => mbToBytes(300),
    memory: () => ({}),
    heapSpaces: () =>
      Object.entries(spaces).map(([space_name, mb]) => ({
        space_name,
        space_size: mbToBytes(mb + 1),
        space_used_size: mbToBytes(mb),
      })),
    Registry: class {
      constructor(callback: () => void) {
        onGone = callback
      }
      register() {
        isArmed = true
      }
    },
    uptime: () => millis(nowMs),
    every: (everyMs: number, tick: () => void) => {
      timer = { everyMs, tick }
      return () => {
        timer = undefined
      }
    },
    files: {},
  }
  let seen = 0
  const sampler = openSampler(host as unknown as Host, () => {
    seen++
  })
  return {
    sampler,
    seen: () => seen,
    isArmed: () => isArmed,
    /** V8 collects so long after an object was made to be collected; returns the rest until the next is made. */
    collect: (afterMs: number): number => {
      if (!isArmed) throw new Error('no object tells of it')
      nowMs += afterMs
      isArmed = false
      onGone()
      const restMs = timer?.everyMs ?? 0
      nowMs += restMs
      timer?.tick()
      return restMs
    },
  }
}

t.test(
  'collections one after the other: the rest before the next object grows, so that timers of the app fire',
  async t => {
    const { collect } = v8()
    const rests = Array.from({ length: 14 }, () => collect(1))
    t.strictSame(rests, [50, 50, 50, 50, 50, 50, 50, 50, 100, 200, 400, 800, 1000, 1000])
    t.equal(collect(50), 0, 'one that came in good time ends it')
    t.equal(collect(49), 50, 'one that came too soon begins anew')
  },
)

t.test('each collection that is noticed is counted and told', async t => {
  const { sampler, collect, seen, isArmed } = v8()
  t.equal(sampler.whole(undefined).majorCollections, 0)
  for (const afterMs of [1000, 1, 1]) collect(afterMs)
  t.equal(sampler.whole(undefined).majorCollections, 3)
  t.equal(seen(), 3)
  t.equal(isArmed(), true)
})

t.test('what V8 calls new is the young generation, its large objects too', async t => {
  const young = { new_space: 16, new_large_object_space: 40 }
  const old = { read_only_space: 1, old_space: 20, code_space: 2, large_object_space: 30 }
  const { sampler } = v8({ ...young, ...old })
  t.match(sampler.whole(undefined), { oldSpaceBytes: mbToBytes(53), oldCapacityBytes: mbToBytes(57) })
  t.equal(sampler.oldSpace(), mbToBytes(53))
})
