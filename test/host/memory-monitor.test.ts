import t from 'tap'
import type { Entry } from '../../preload/core/record.ts'
import { bytes, type Millis, millis } from '../../preload/core/units.ts'
import { type Lookout, MemoryMonitor } from '../../preload/memory-monitor.ts'

interface Looked {
  readonly at: number
  readonly late: number
  readonly line: boolean
}

/** A monitor on a clock that is turned by hand; each look asks for `pauses` in turn, then for the pulse again. */
function monitor(
  options: {
    readonly intervalMs?: number
    readonly pulseMs?: number
    readonly pauses?: number[]
    readonly fail?: (look: number) => boolean
  } = {},
) {
  const { intervalMs = 60_000, pulseMs = 1000, pauses = [], fail = () => false } = options
  const said: Entry[] = []
  const looked: Looked[] = []
  const ends: string[] = []
  let clock = 0
  let timer: { every: Millis; due: number; tick: () => void } | undefined
  let timers = 0
  let looks = 0
  const lookout: Lookout = {
    look: (late, line) => {
      looks++
      if (fail(looks)) throw new Error('no such thing')
      looked.push({ at: clock, late, line })
      return millis(pauses.shift() ?? (pulseMs || intervalMs))
    },
    peakHeapUsedBytes: () => bytes(7),
    end: (reason, exitCode) => {
      ends.push(`${reason} ${exitCode}`)
    },
  }
  const subject = new MemoryMonitor({
    intervalMs: millis(intervalMs),
    pulseMs: millis(pulseMs),
    onTick: () => {},
    log: { say: entry => said.push(entry), droppedLines: () => 0 },
    openLookout: () => lookout,
    now: () => millis(clock),
    every: (every, tick) => {
      timers++
      const own = { every, due: clock + every, tick }
      t.equal(timer, undefined, 'one timer at a time')
      timer = own
      return () => {
        if (timer === own) timer = undefined
      }
    },
  })
  /** Lets time pass; `lateMs` before each tick. */
  const pass = (ms: number, lateMs = 0): void => {
    const end = clock + ms
    while (timer !== undefined && timer.due + lateMs <= end) {
      clock = timer.due + lateMs
      timer.due = clock + timer.every
      timer.tick()
    }
    clock = end
  }
  return { subject, said, looked, ends, pass, timers: () => timers, timer: () => timer }
}

t.test('start and stop, each as often as one likes', async t => {
  const { subject, timers, timer } = monitor()
  subject.stop()
  subject.start()
  subject.start()
  t.equal(timers(), 1)
  t.equal(timer()?.every, 1000, 'the first look comes after one pulse')
  subject.stop()
  subject.stop()
  t.equal(timer(), undefined)
  subject.start()
  t.equal(timers(), 2, 'it can be started again')
})

t.test('a look each pulse on one timer, a line each interval', async t => {
  const { subject, looked, pass, timers } = monitor({ intervalMs: 3000 })
  subject.start()
  t.equal(subject.peakHeapUsed(), 0, 'before the first look')
  pass(6500)
  t.strictSame(
    looked.map(({ at, line }) => [at, line]),
    [
      [1000, false],
      [2000, false],
      [3000, true],
      [4000, false],
      [5000, false],
      [6000, true],
    ],
  )
  t.equal(timers(), 1, 'the timer stands while the pace is the same')
  t.equal(subject.peakHeapUsed(), 7)
})

t.test('lines keep to their interval whatever the pulses do', async t => {
  for (const [pulseMs, lateMs] of [
    [1000, 0],
    [700, 0],
    [1000, 3],
    [50, 2],
  ] as const) {
    const { subject, looked, pass } = monitor({ intervalMs: 2500, pulseMs })
    subject.start()
    pass(25_100, lateMs)
    const lines = looked.filter(({ line }) => line).map(({ at }) => at)
    t.equal(lines.length, 10, `pulse ${pulseMs}`)
    for (const [n, at] of lines.entries()) t.ok(Math.abs(at - (n + 1) * 2500) <= 3, `line ${n} at ${at}`)
  }
})

t.test('a look that asks for a shorter pause gets it, and the line is not missed for it', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 1500, pauses: [200, 100, 1000] })
  subject.start()
  pass(2000)
  t.strictSame(
    looked.map(({ at, line }) => [at, line]),
    [
      [1000, false],
      [1200, false],
      [1300, false],
      [1500, true],
    ],
  )
})

t.test('a blocked loop: the look says how late it is, and lines that were missed are not made up for', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 1000, pulseMs: 500 })
  subject.start()
  pass(4200, 3600)
  t.strictSame(looked, [{ at: 4100, late: 3600, line: true }])
  pass(1500)
  t.strictSame(
    looked.filter(({ line }) => line).map(({ at }) => at),
    [4100, 5100],
  )
})

t.test('a pulse of 0: looks only with the lines', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 1000, pulseMs: 0 })
  subject.start()
  pass(2500)
  t.strictSame(
    looked.map(({ at, line }) => [at, line]),
    [
      [1000, true],
      [2000, true],
    ],
  )
  subject.stopLines()
  pass(1000)
  t.match(looked.slice(-2), [{ line: true }, { at: 3000, line: false }], 'one last line; the looks go on')
})

t.test('an interval of 0: no line, no last line either', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 0 })
  subject.start()
  pass(2000)
  subject.stopLines()
  t.strictSame(
    looked.map(({ line }) => line),
    [false, false],
  )
})

t.test('neither: no timer at all', async t => {
  const { subject, timers } = monitor({ intervalMs: 0, pulseMs: 0 })
  subject.start()
  t.equal(timers(), 0)
})

t.test('the last line comes once, at once, and the silent looks go on', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 10_000 })
  subject.start()
  pass(1500)
  subject.stopLines()
  subject.stopLines()
  pass(20_000)
  t.equal(looked.filter(({ line }) => line).length, 1)
  t.strictSame(looked[1], { at: 1500, late: 0, line: true })
  t.ok(looked.length > 20)
})

t.test('a signal before the start: the last line at once, and none after the start', async t => {
  const { subject, looked, pass } = monitor({ intervalMs: 500 })
  pass(300)
  subject.stopLines()
  t.strictSame(looked, [{ at: 300, late: 0, line: true }])
  subject.start({ startedAtMs: millis(0) })
  pass(3000)
  t.equal(looked.filter(({ line }) => line).length, 1)
  t.strictSame(
    looked.map(({ at }) => at),
    [300, 1000, 2000, 3000],
    'the silent looks go on, by the clock that was counting',
  )
  const ended = monitor()
  ended.subject.start()
  ended.subject.stop('exit', 0)
  ended.subject.stopLines()
  t.strictSame(ended.looked, [], 'nothing after the end')
})

t.test('begun by another: the first look when it is due, by the other’s count', async t => {
  for (const [startedMs, firstAt] of [
    ...([
      [1000, 1000],
      [995, 995],
      [989, 1000],
      [50, 1000],
      [2500, 2500],
    ] as const),
  ]) {
    const { subject, looked, pass } = monitor({ intervalMs: 10_000 })
    pass(startedMs)
    subject.start({ startedAtMs: millis(0) })
    pass(1500)
    t.match(looked[0], { at: firstAt, line: false }, `${startedMs} ms`)
  }
  const { subject, looked, pass } = monitor({ intervalMs: 300 })
  pass(310)
  subject.start({ startedAtMs: millis(0) })
  pass(400)
  t.match(
    looked,
    [
      { at: 310, line: true },
      { at: 600, line: true },
    ],
    'a line that is due comes first',
  )
})

t.test('a look that throws is said once, and the watch goes on', async t => {
  const { subject, said, looked, pass } = monitor({ fail: look => look === 1 || look === 3 })
  subject.start()
  pass(4000)
  t.strictSame(
    said.map(entry => entry.event),
    ['evidence-problem'],
  )
  t.strictSame(
    looked.map(({ at }) => at),
    [2000, 4000],
  )
})

t.test('the end: told once there was a look', async t => {
  const { subject, ends, pass } = monitor()
  subject.start()
  subject.stop('exit', 3)
  t.strictSame(ends, [])
  subject.start()
  pass(1000)
  subject.stop('uncaught', 1)
  subject.stop()
  t.strictSame(ends, ['uncaught 1', 'undefined undefined'])
})
