// What the watch goes by where the app has replaced what node:v8 tells.
import t from 'tap'
import type { HeapBudget } from '../../preload/core/budget.ts'
import type { Entry } from '../../preload/core/record.ts'
import { mbToBytes } from '../../preload/core/units.ts'
import type { Host } from '../../preload/host/host.ts'
import { despiteReplacedV8 } from '../../preload/watch/replaced-v8.ts'

const OWN = [{ space_name: 'old_space', space_size: 1, space_used_size: 1, space_available_size: 0 }]
const budget = {
  heapLimitBytes: mbToBytes(396),
  ceiling: { bytes: mbToBytes(384), source: 'flag' },
} as unknown as HeapBudget

function surroundings(isReplaced: () => boolean, heapUsedMB: number) {
  const said: Entry[] = []
  const v8 = <T>(value: T): T => {
    if (isReplaced()) throw new Error('the app has replaced a function of node:v8')
    return value
  }
  const memory = { rss: 0, heapTotal: mbToBytes(heapUsedMB + 10), heapUsed: mbToBytes(heapUsedMB), external: 0 }
  const host = {
    heapLimit: () => v8(mbToBytes(1)),
    heapUsed: () => v8(mbToBytes(2)),
    heapSpaces: () => v8(OWN),
    memory: () => memory,
  } as unknown as Host
  return { host, log: { say: (entry: Entry) => void said.push(entry), droppedLines: () => 0 }, said }
}

t.test('where V8 answers it is the host itself, and nothing is said', async t => {
  const { host, log, said } = surroundings(() => false, 100)
  t.equal(despiteReplacedV8(host, budget, log), host)
  t.strictSame(said, [])
})

t.test('where it does not: the least that the old generation can hold, said once', async t => {
  let isReplaced = true
  const { host, log, said } = surroundings(() => isReplaced, 100)
  const seen = despiteReplacedV8(host, budget, log)
  t.equal(seen.heapLimit(), mbToBytes(396))
  t.equal(seen.heapUsed(), mbToBytes(100))
  const bound = { space_name: 'old_space', space_size: mbToBytes(98), space_used_size: mbToBytes(88) }
  t.strictSame(seen.heapSpaces(), [{ ...bound, space_available_size: 0 }])
  t.match(said, [{ event: 'evidence-problem', level: 'warn', msg: /may be told late/, fields: { what: 'heap' } }])
  isReplaced = false
  t.strictSame(seen.heapSpaces(), OWN, 'V8 again, as soon as it answers')
  t.equal(said.length, 1)
})

t.test('a heap smaller than the young generation holds nothing old, as far as can be told', async t => {
  const { host, log } = surroundings(() => true, 0.5)
  t.match(despiteReplacedV8(host, budget, log).heapSpaces(), [{ space_size: 0, space_used_size: 0 }])
})
