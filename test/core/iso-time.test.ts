import fc from 'fast-check'
import t from 'tap'
import { isoTime } from '../../preload/core/iso-time.ts'

for (const [name, ms] of [
  ['the epoch', 0],
  ['the last millisecond of a year', Date.UTC(2025, 11, 31, 23, 59, 59, 999)],
  ['the first of the next', Date.UTC(2026, 0, 1)],
  ['the day before a leap day', Date.UTC(2028, 1, 28)],
  ['a leap day', Date.UTC(2028, 1, 29, 12)],
  ['the day after a leap day', Date.UTC(2028, 2, 1)],
  ['no leap day in 2100', Date.UTC(2100, 1, 28, 23, 59, 59, 999) + 1],
  ['a leap day in 2000', Date.UTC(2000, 1, 29)],
  ['no leap day in 2027', Date.UTC(2027, 1, 28) + 86_400_000],
  ['a clock before the epoch', -1],
  ['a fraction of a millisecond', 1.75],
] as const)
  t.test(name, async t => t.equal(isoTime(ms), new Date(Math.floor(ms)).toISOString()))

t.test('any time of the years 0 to 9999', async t => {
  const time = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(time, date => isoTime(date.getTime()) === date.toISOString()),
    { numRuns: 5000 },
  )
  t.pass('5000 times')
})
