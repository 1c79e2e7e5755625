import t from 'tap'
import { mbToBytes } from '../../preload/core/units.ts'
import { floors, LIMITS, run } from './climbing.ts'

for (const [name, samples, want] of [
  ['past three quarters and rising', floors(74, 76), ['1 profile']],
  ['past three quarters and steady', floors(76, 76, 76, 76), []],
  ['up and down', floors(70, 78, 70, 78, 70), ['1 profile']],
  ['low, and the rung within a minute', floors(42, 44), ['1 profile']],
  ['too low to ask', floors(20, 22), []],
  ['a hundredth is noise', floors(60, 60.9), []],
  ['it rises, but falling short for long', floors(45, 46.1), ['1 profile']],
] as const)
  t.test(`the profile: ${name}`, async t => t.strictSame(run(samples).said.slice(0, 1), want))

t.test('the profile: the container fills with the heap', async t => {
  const limits = { ...LIMITS, ceilingBytes: mbToBytes(10_000), containerBytes: mbToBytes(500) }
  const samples = [
    { old: 200, majors: 1, rss: 250 },
    { old: 310, majors: 2, rss: 360 },
  ]
  t.strictSame(run(samples, { limits }).said, ['1 profile'])
  t.strictSame(run(samples, { limits: { ...limits, containerBytes: undefined } }).said, [])
})
