import t from 'tap'
import { pauseBeforeBeat, RETRY_MS } from '../../preload/core/beat-pace.ts'
import { millis } from '../../preload/core/units.ts'

for (const [isNear, wroteInMs, expected] of [
  [false, 0, 5000],
  [false, 5, 5000],
  [false, 49, 5000],
  [false, 51, 5100],
  [true, 0, 0],
  [true, 5, 0],
  [true, 5.01, 501],
  [true, 6, 600],
  [true, 599, 59_900],
  [true, 601, 60_000],
  [true, 600_000, 60_000],
] as const)
  t.test(`${isNear ? 'near a limit' : 'calm'}, the last write took ${wroteInMs} ms: ${expected} ms`, async t => {
    t.equal(pauseBeforeBeat(isNear, millis(wroteInMs)), expected)
  })

t.test('after a failure it is tried again after a minute', async t => {
  t.equal(RETRY_MS, 60_000)
})
