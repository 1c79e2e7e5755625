import t from 'tap'
import { nextLook } from '../../preload/core/pace.ts'
import { millis } from '../../preload/core/units.ts'

for (const [name, calm, last, nearest, late, isUp, want] of [
  ['calm: the calm pace', 1000, 1000, undefined, 0, false, 1000],
  ['a limit that is far away', 1000, 1000, 60_000, 0, false, 1000],
  ['twelve seconds away: as calm', 1000, 1000, 12_000, 0, false, 1000],
  ['six seconds away: twice as often', 1000, 1000, 6000, 0, false, 500],
  ['a twelfth of 0.6 s is the fastest', 1000, 1000, 600, 0, false, 50],
  ['nearer still', 1000, 1000, 1, 0, false, 50],
  ['there', 1000, 1000, 0, 0, true, 50],
  ['a loop that is late eats the time that is left', 1000, 1000, 6000, 3000, false, 250],
  ['a loop that is later than that', 1000, 1000, 6000, 9000, false, 50],
  ['back to calm by halves', 1000, 50, undefined, 0, false, 75],
  ['back to calm: the last step', 1000, 900, undefined, 0, false, 1000],
  ['on a rung and calm: a quarter', 1000, 250, undefined, 0, true, 250],
  ['the fastest pace to begin with', 50, 50, undefined, 0, true, 50],
  ['the slowest', 60_000, 60_000, undefined, 0, false, 60_000],
] as const)
  t.test(`the next look: ${name}`, async t =>
    t.equal(
      nextLook({
        calmMs: millis(calm),
        lastMs: millis(last),
        nearestMs: nearest === undefined ? undefined : millis(nearest),
        lateMs: millis(late),
        isUp,
      }),
      want,
    ),
  )
