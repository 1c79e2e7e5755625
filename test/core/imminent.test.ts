import t from 'tap'
import { imminentMs, isImminent, isRecent } from '../../preload/core/imminent.ts'
import type { Point } from '../../preload/core/trend.ts'
import { bytes, millis } from '../../preload/core/units.ts'

/** Levels of 1,000, each so many milliseconds after the one before. */
const looks = (everyMs: number, ...levels: readonly number[]): Point[] =>
  levels.map((value, n) => ({ atMs: millis(n * everyMs), value }))

for (const [name, recent, isOnRung, want] of [
  ['full in 0.39 s, on a rung', looks(50, 676, 784, 892 /* 2.16 a ms: 50 ms */), true, true],
  ['full in exactly 0.4 s is not', looks(50, 900, 910, 920), true, false],
  ['full in a little less', looks(50, 901, 911, 921), true, true],
  ['the same, not on a rung: there is time for other looks', looks(50, 901, 911, 921), false, false],
  ['not on a rung, and less than twice the pause is left', looks(300, 400, 600, 801 /* a third a ms */), false, true],
  ['not on a rung, and just twice the pause is left', looks(300, 200, 400, 600), false, false],
  ['on a rung, and looks that come late', looks(300, 601, 701, 801), true, true],
  ['two looks tell no growth', looks(50, 985, 990), true, false],
  ['it falls', looks(50, 990, 980, 970), true, false],
  ['a leap is no growth', looks(50, 900, 900, 990), true, false],
  ['it stays', looks(50, 990, 990, 990), true, false],
  ['it is full', looks(50, 980, 990, 1000), true, true],
] as const)
  t.test(`imminent: ${name}`, async t =>
    t.equal(
      isImminent(recent, bytes(recent.at(-1)?.value ?? 0), bytes(1000), isOnRung ? imminentMs(false) : millis(0)),
      want,
    ),
  )

for (const [name, recent, isHeapRung, want] of [
  ['0.1 s is left', looks(500, 500, 917), true, true],
  ['exactly 0.2 s are left', looks(600, 400, 850), true, false],
  ['a little less', looks(600, 400, 851), true, true],
  ['of a container, or below the rungs', looks(500, 500, 917), false, false],
  ['it falls', looks(500, 990, 980), true, false],
  ['one look', looks(500, 990), true, false],
] as const)
  t.test(`a heap that leapt in two looks: ${name}`, async t =>
    t.equal(isImminent(recent, bytes(recent.at(-1)?.value ?? 0), bytes(1000), millis(0), isHeapRung), want),
  )

t.test('a container that is full of heap: three seconds', async t => {
  const recent = looks(250, 800, 825, 850)
  t.equal(isImminent(recent, bytes(850), bytes(1150), imminentMs(true)), false, 'exactly three')
  t.equal(isImminent(recent, bytes(851), bytes(1150), imminentMs(true)), true, 'a little less')
  t.equal(isImminent(recent, bytes(851), bytes(1150), imminentMs(false)), false, 'full of anything else')
})

t.test('the longest pause counts, wherever it was', async t => {
  const late = [...looks(50, 800, 805), { atMs: millis(450), value: 845 }, { atMs: millis(500), value: 850 }]
  t.equal(isImminent(late, bytes(930), bytes(1000), millis(0)), true, '700 ms are less than twice 400')
  t.equal(isImminent(late, bytes(915), bytes(1000), millis(0)), false, '850 ms are more')
})

t.test('a pause of seconds does not make all near', async t => {
  const late = looks(1500, 400, 600, 800)
  t.equal(isImminent(late, bytes(894), bytes(1000), imminentMs(false)), true, '795 ms')
  t.equal(isImminent(late, bytes(893), bytes(1000), imminentMs(false)), false, '802.5 ms')
})

for (const [name, ages, want] of [
  ['all of the last half second', [500, 400, 300, 200, 100], [500, 400, 300, 200, 100]],
  ['older ones go', [700, 501, 500, 100, 50], [500, 100, 50]],
  ['two are kept for two seconds, where looks are late', [2000, 1500, 1000], [1500, 1000]],
  ['exactly two seconds', [2000, 1000], [2000, 1000]],
  ['no longer', [2001, 1000], [1000]],
  ['none', [], []],
] as const)
  t.test(`what is kept: ${name}`, async t =>
    t.strictSame(
      ages
        .map(age => ({ atMs: millis(10_000 - age), value: age }))
        .filter(isRecent(millis(10_000)))
        .map(({ value }) => value),
      want,
    ),
  )
