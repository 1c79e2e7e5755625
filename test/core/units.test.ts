import t from 'tap'
import {
  bytes,
  bytesToMB,
  mbToBytes,
  millis,
  millisToSeconds,
  parseBytes,
  percentToRatio,
  roundedMB,
  roundedRatio,
  roundedSeconds,
} from '../../preload/core/units.ts'

for (const [value, mb] of [
  [0, 0],
  [1_048_576, 1],
  [402_653_184, 384],
  [1_572_864, 1.5],
] as const)
  t.test(`${value} bytes are ${mb} MB, exactly and back`, async t => {
    t.equal(bytesToMB(bytes(value)), mb)
    t.equal(mbToBytes(mb), value)
  })

for (const [value, mb] of [
  [52_428, 0],
  [52_429, 0.1],
  [157_286, 0.1],
  [157_287, 0.2],
  [405_798_912, 387],
] as const)
  t.test(`${value} bytes read as ${mb} MB in a record`, async t => t.equal(roundedMB(bytes(value)), mb))

t.test('seconds are exact', async t => t.equal(millisToSeconds(millis(2501)), 2.501))

t.test('ratios have three decimals', async t => {
  t.equal(roundedRatio(1, 3), 0.333)
  t.equal(roundedRatio(2, 3), 0.667)
  t.equal(roundedRatio(2, 1), 2)
  t.equal(percentToRatio(85), 0.85)
})

t.test('seconds have one decimal', async t => {
  t.equal(roundedSeconds(millis(0)), 0)
  t.equal(roundedSeconds(millis(1049)), 1)
  t.equal(roundedSeconds(millis(1050)), 1.1)
})

for (const [text, value] of [
  ['0', 0],
  ['536870912', 536_870_912],
  ['9007199254740991', 9_007_199_254_740_991],
  ['9007199254740992', undefined],
  ['99999999999999999', undefined],
  ['', undefined],
  ['-1', undefined],
  ['+1', undefined],
  ['0x200', undefined],
  ['1e9', undefined],
  ['5 5', undefined],
  ['5\n', undefined],
  ['12.5', undefined],
  ['٣', undefined],
] as const)
  t.test(`the text ${JSON.stringify(text)} is ${value} bytes`, async t => t.equal(parseBytes(text), value))
