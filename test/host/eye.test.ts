import t from 'tap'
import type { MemoryGroup } from '../../preload/core/cgroup.ts'
import { ladderOf, timeToNearest } from '../../preload/core/ladder.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'
import type { Host } from '../../preload/host/host.ts'
import { openEye } from '../../preload/watch/eye.ts'

const LIMITS = {
  ceilingBytes: mbToBytes(300),
  containerBytes: mbToBytes(600),
  warnPercent: 85,
  criticalPercent: 95,
}
const GROUP: MemoryGroup = { version: 'cgroup-v2', folder: '/group' }

/** A process whose levels, in MB, are set by hand. */
function processOf() {
  const now = { heap: 20, usage: 80, cache: 0, ms: 0 }
  const text = (path: string): string =>
    path.endsWith('memory.stat')
      ? `anon ${mbToBytes(now.usage - now.cache)}\nfile ${mbToBytes(now.cache)}\nshmem 0\ninactive_file 0\n`
      : `${mbToBytes(now.usage)}\n`
  const host = {
    readText: text,
    heapLimit: () => mbToBytes(310),
    heapUsed: () => mbToBytes(now.heap),
    memory: () => ({ rss: mbToBytes(now.usage), heapUsed: mbToBytes(now.heap) }),
    heapSpaces: () => [{ space_name: 'old_space', space_size: 0, space_used_size: mbToBytes(now.heap) }],
    Registry: class {
      register() {}
    },
    uptime: () => now.ms,
    files: {
      openSync: () => 3,
      readSync: (_: number, buffer: Buffer) => buffer.write(`${mbToBytes(now.usage)}\n`),
      closeSync: () => {},
    },
  }
  return { now, eye: openEye(host as unknown as Host, () => {}) }
}

const state = ladderOf(LIMITS)
const BOTH = mbToBytes(600)

for (const [name, grown, wantMs] of [
  ['the container', { usage: 180 }, 4200],
  ['the heap', { heap: 120 }, 1800],
  ['the container, as far as it is not page cache', { usage: 280, cache: 100 }, 4200],
] as const)
  t.test(`growth is told from the glance just before, not from the whole look a minute ago: ${name}`, async t => {
    const { now, eye } = processOf()
    eye.look(GROUP)
    for (let n = 1; n <= 30; n++) {
      now.ms = n * 1000
      eye.glance(state, BOTH, GROUP, 59)
    }
    Object.assign(now, grown, { ms: 31_000 })
    t.equal(eye.glance(state, BOTH, GROUP, 59), undefined, 'a leap of 100 MB is no calm')
    const sample = eye.look(GROUP)
    t.equal(timeToNearest(state, eye.before(), sample), millis(wantMs))
  })

t.test('a look in the same moment as a glance tells growth from the glance before that', async t => {
  const { now, eye } = processOf()
  eye.look(GROUP)
  for (let n = 1; n <= 3; n++) {
    now.ms = n * 1000
    eye.glance(state, BOTH, GROUP, 59)
  }
  now.ms = 3001
  now.heap = 20.1
  const sample = eye.look(GROUP)
  t.equal(eye.before()?.uptimeMs, millis(2000))
  t.ok((timeToNearest(state, eye.before(), sample) ?? 0) > 1_000_000, 'a tenth of an MB is no haste')
})

t.test('the limit moves to another level of the groups: what that holds more has not grown', async t => {
  const { now, eye } = processOf()
  eye.look(GROUP)
  now.ms = 1000
  eye.look(GROUP)
  t.equal(eye.before()?.uptimeMs, 0)
  t.equal(eye.history().length, 2)
  Object.assign(now, { usage: 500, ms: 2000 })
  const above = { ...GROUP, folder: '/group/above' }
  eye.look(above)
  t.equal(eye.before(), undefined)
  t.equal(eye.history().length, 1)
  t.equal(eye.glance(state, BOTH, above, 59), undefined, 'nothing of this level to hold it against')
  now.ms = 3000
  eye.look(above)
  t.equal(eye.before()?.uptimeMs, millis(2000))
})

t.test('so many glances in a row, then a whole look; the first two looks are whole', async t => {
  const { eye } = processOf()
  t.equal(eye.glance(state, BOTH, GROUP, 2), undefined, 'nothing to hold it against')
  eye.look(GROUP)
  t.equal(eye.glance(state, BOTH, GROUP, 2), undefined, 'the first glance')
  eye.look(GROUP)
  t.ok(eye.glance(state, BOTH, GROUP, 2))
  t.ok(eye.glance(state, BOTH, GROUP, 2))
  t.equal(eye.glance(state, BOTH, GROUP, 2), undefined)
  const whole = eye.look(GROUP)
  t.equal(eye.before()?.uptimeMs, whole.uptimeMs)
})
