// Which process a record is of, and what is kept of each.
import t from 'tap'
import type { ProcessReport } from '../../cli/report/document.ts'
import { ending } from '../../cli/report/ending.ts'
import type { FoundRecord } from '../../cli/report/find-record.ts'
import { Points } from '../../cli/report/points.ts'
import { Runs } from '../../cli/report/runs.ts'

const record = (timeMs: number, event: string, keys: object = {}, source?: string): FoundRecord => ({
  record: { timeMs, event, level: 'info', pid: 1, msg: `${event}.`, ...keys },
  source,
})
const boot = (timeMs: number, source?: string, keys: object = {}) =>
  record(timeMs, 'heap-validated', { verdict: 'fits', nodeVersion: 'v24.0.0', ...keys }, source)
const memory = (timeMs: number, uptimeS: number, keys: object = {}, source?: string) =>
  record(timeMs, 'memory', { uptimeS, rssMB: 50, ...keys }, source)

const reportsOf = (records: readonly FoundRecord[], most?: number): readonly ProcessReport[] => {
  const runs = new Runs(most)
  for (const one of records) runs.add(one)
  return runs.reports()
}
const samples = (records: readonly FoundRecord[]) => reportsOf(records).map(({ samples }) => samples)

for (const [name, records, want] of [
  ['one process', [boot(1000), memory(2000, 1.1), memory(3000, 2.1)], [2]],
  [
    'a restart has the pid again',
    [boot(1000), memory(2000, 1), boot(9000), memory(10_000, 1), memory(11_000, 2)],
    [1, 2],
  ],
  [
    'two containers interleaved, both PID 1',
    [boot(1000), boot(9000), memory(10_000, 1), memory(10_100, 9.1), memory(11_000, 2)],
    [1, 2],
  ],
  [
    'a boot line that is corrected at the first look',
    [boot(1000), boot(2000, undefined, { heapLimitSource: 'v8' }), memory(2005, 1.1), memory(3000, 2.1)],
    [2],
  ],
  ['a log that begins with such a line', [boot(2000, undefined, { heapLimitSource: 'v8' }), memory(2005, 1.1)], [1]],
  ['a log that begins in the middle', [memory(100_000, 90), memory(101_000, 91)], [2]],
  ['two of those', [memory(100_000, 90), memory(100_500, 5), memory(101_000, 91)], [2, 1]],
  ['the same pid under two names', [boot(1000, 'a'), boot(1000, 'b'), memory(2000, 1, {}, 'b')], [0, 1]],
  ['a slow boot', [boot(31_000), memory(32_000, 31)], [1]],
  [
    'two that started together: the nearest start',
    [boot(1000), boot(1800), memory(61_000, 60), memory(61_800, 60), memory(121_000, 120), memory(121_800, 120)],
    [2, 2],
  ],
  ['a log twice', [boot(1000), memory(61_000, 60), memory(121_000, 120), boot(1000), memory(61_000, 60)], [2, 1]],
  [
    'two that started within the time that a boot takes',
    [boot(1000), boot(1135), ...[638, 779, 60_638, 60_779].map((ms, at) => memory(60_000 + ms, at < 2 ? 60 : 120))],
    [2, 2],
  ],
  [
    'two that cannot be told apart have their turns',
    [boot(1000), boot(1010), memory(61_000, 60), memory(61_010, 60), memory(121_010, 120), memory(121_000, 120)],
    [2, 2],
  ],
  [
    'two clocks that run apart slowly',
    [boot(1000), ...Array.from({ length: 120 }, (_, at) => memory(61_000 + at * 60_030, 60 + at * 60))],
    [120],
  ],
  [
    'the clock was set back',
    [boot(1e9), memory(1e9 + 60_000, 60), memory(1e9 - 40_000, 120), memory(1e9 + 20_000, 180)],
    [3],
  ],
  ['set on, and the log ends', [boot(1000), memory(61_000, 60), memory(9_121_000, 120)], [2]],
  ['set on before the first sample', [boot(1000), memory(9_061_000, 60), memory(9_121_000, 120)], [2]],
  [
    'set twice',
    [boot(1000), ...[61_000, 9_121_000, 9_181_000, 241_000, 301_000].map((ms, at) => memory(ms, 60 + at * 60))],
    [5],
  ],
  [
    'one that speaks on by its old clock is another',
    [boot(1000), memory(61_000, 60), memory(80_000, 70), memory(121_000, 120), memory(140_000, 130)],
    [2, 2],
  ],
  [
    'an uptime that is long not due is another’s',
    [boot(1000), memory(61_000, 60), memory(80_000, 5000), memory(140_000, 5060)],
    [2, 1],
  ],
  [
    'a start between is a start',
    [boot(1000), memory(61_000, 60), boot(9_000_000), memory(9_121_000, 121), memory(9_181_000, 181)],
    [1, 2],
  ],
  [
    'where calm times are not said a later start may be another process',
    [record(61_000, 'pressure', { uptimeS: 60, rssMB: 9 }), record(9_121_000, 'pressure', { uptimeS: 70, rssMB: 9 })],
    [1, 1],
  ],
  ['two pids', [boot(1000), memory(2000, 1, { pid: 2 })], [0, 1]],
] as const)
  t.test(name, async t => t.strictSame(samples(records), want))

t.test('a clock that was set: times are told by the new one, go on upwards, and it is said', async t => {
  const [run] = reportsOf([
    boot(1e9),
    memory(1e9 + 60_000, 60),
    memory(1e9 + 120_000, 120),
    memory(1e9 - 3_420_000, 180),
    record(1e9 - 3_410_000, 'signal', { signal: 'SIGTERM' }),
  ])
  t.match(run, { startMs: 1e9 - 3_600_000, lastMs: 1e9 - 3_410_000, samples: 3 })
  t.strictSame(
    run?.series.timeMs.map(ms => Number(ms) - 1e9 + 3_600_000),
    [60_000, 120_000, 180_000],
  )
  t.strictSame(
    run?.events.map(({ event, timeMs }) => [event, timeMs - 1e9 + 3_600_000]),
    [
      ['heap-validated', 0],
      ['clock-stepped', 180_000],
      ['signal', 190_000],
    ],
  )
  t.match(run?.events[1]?.msg, /set back by 3,600 s;/)
})

t.test('who speaks after V8’s last words is not who died, by whatever clock', async t => {
  const runs = new Runs()
  for (const one of [boot(1000), memory(61_000, 60), memory(9_121_000, 120)]) runs.add(one)
  runs.diedOfHeap(1, undefined, 'heap out of memory')
  t.strictSame(
    runs.reports().map(({ samples, end }) => [samples, end.kind]),
    [[2, 'v8-heap-limit']],
  )
})

t.test('processes that cannot be told apart say so, those of other names or times do not', async t => {
  const isMixed = (records: readonly FoundRecord[]) => reportsOf(records).map(({ isMixed }) => isMixed ?? false)
  t.strictSame(isMixed([boot(1000), boot(1010), memory(61_000, 60), memory(61_010, 60)]), [true, true])
  t.strictSame(isMixed([boot(1000), boot(1800), memory(61_000, 60), memory(61_800, 60)]), [false, false])
  t.strictSame(
    isMixed([boot(1000), boot(1010), memory(61_000, 60), memory(121_000, 120)]),
    [true, true],
    'one is silent',
  )
  t.strictSame(isMixed([boot(1000), memory(61_000, 60), boot(62_000), memory(63_000, 1)]), [false, false], 'a restart')
  t.strictSame(isMixed([boot(1000), record(2000, 'pressure', { uptimeS: 1 }), boot(2500)]), [false, false], 'at once')
  t.strictSame(isMixed([boot(1000, 'a'), boot(1000, 'b')]), [false, false])
  t.strictSame(isMixed([boot(1000), boot(1000, undefined, { pid: 2 })]), [false, false])
})

t.test('what tells no uptime is of the process that it answers, or that spoke last', async t => {
  const under = { resource: 'container', rung: 'critical', containerRatio: 0.95, rssMB: 9 }
  const both = [boot(1000), boot(1800), memory(61_000, 60), memory(61_800, 60)]
  const eased = reportsOf([
    ...both,
    record(70_000, 'pressure', { ...under, uptimeS: 69 }),
    memory(121_800, 120),
    record(122_000, 'pressure-eased', { resource: 'container' }),
  ])
  t.strictSame(
    eased.map(({ events }) => events.length),
    [3, 1],
  )
  const stopped = reportsOf([...both, memory(99_000, 98), record(99_001, 'signal', { signal: 'SIGTERM' })])
  t.strictSame(
    stopped.map(({ end }) => ending(end).short),
    ['stopped by SIGTERM', 'log stops'],
  )
})

t.test('what is said before the boot line belongs to the boot', async t => {
  const before = record(8900, 'config-problem')
  const [first, second] = reportsOf([boot(1000), memory(2000, 1), before, boot(9000)])
  t.strictSame(
    first?.events.map(({ event }) => event),
    ['heap-validated'],
  )
  t.strictSame(
    second?.events.map(({ event }) => event),
    ['config-problem', 'heap-validated'],
  )
  t.strictSame(reportsOf([record(8900, 'previous-death')])[0]?.events.length, 1, 'and is kept without one')
})

t.test('too many processes: those with least to say go, and are counted', async t => {
  const runs = new Runs(2)
  for (const one of [boot(1000), memory(2000, 1), memory(3000, 2), boot(10_000), boot(20_000), memory(21_000, 1)])
    runs.add(one)
  t.strictSame(
    runs.reports().map(({ samples }) => samples),
    [2, 1],
  )
  t.equal(runs.omitted, 1)
  t.equal(runs.records, 6)
})

t.test('events: the first and the last are kept', async t => {
  const many = Array.from({ length: 1500 }, (_, at) => record(2000 + at, 'evidence-problem', { at, level: 'warn' }))
  const [{ events, omittedEvents, alarms } = { events: [], omittedEvents: 0, alarms: 0 }] = reportsOf([
    boot(1000),
    ...many,
  ])
  t.equal(events.length, 1000)
  t.equal(omittedEvents, 501)
  t.equal(alarms, 1500, 'those that are left out are counted')
  t.equal(events[499]?.timeMs, 2498)
  t.equal(events[500]?.timeMs, 3000)
  t.equal(events[999]?.timeMs, 3499)
})

t.test('memory that nothing can have is not known', async t => {
  const [run] = reportsOf([
    boot(1000),
    memory(2000, 1, { rssMB: -1e12, heapUsedMB: 5 }),
    memory(3000, 2, { heapUsedMB: -1, externalMB: 1e308, heapTotalMB: Number.POSITIVE_INFINITY, containerUsageMB: 7 }),
    memory(4000, 3, { heapUsedMB: 0, containerWorkingSetMB: -4 }),
    record(5000, 'shutdown', { peakRssMB: 1e300, peakHeapUsedMB: -3 }),
  ])
  t.strictSame(run?.peaks, { rssMB: 50, containerMB: 7, heapUsedMB: 0 })
  t.strictSame(run?.series.heapUsedMB, [null, 0])
  t.strictSame(run?.series.externalMB, [null, null])
  t.strictSame(run?.series.containerMB, [7, null])
})

t.test('suspects are the last that were named, and only what is well formed', async t => {
  const pressure = (timeMs: number, suspects: unknown) => record(timeMs, 'pressure', { suspects })
  const [run] = reportsOf([
    boot(1000),
    pressure(2000, [{ site: 'old', MB: 1 }]),
    pressure(3000, [{ site: 'a.js:1', MB: 12.5 }, { site: 7, MB: 1 }, { site: 'b' }, null, 'x']),
    pressure(4000, 'none'),
  ])
  t.strictSame(run?.suspects, [{ site: 'a.js:1', MB: 12.5 }])
})

const pressedAt = (containerRatio: number) => [
  boot(1000),
  record(2000, 'pressure', { resource: 'container', rung: 'critical', rssMB: 480, uptimeS: 1, containerRatio }),
]

for (const [name, records, want] of [
  [
    'exit',
    [boot(1000), record(2000, 'shutdown', { exitCode: 3, reason: 'exit', peakRssMB: 99 })],
    /^Ended with code 3\.$/,
  ],
  [
    'uncaught',
    [boot(1000), record(2000, 'shutdown', { exitCode: 1, reason: 'uncaught' })],
    /code 1 after an uncaught exception/,
  ],
  [
    'silence near the limit',
    [boot(1000), memory(2000, 1, { containerRatio: 0.99 })],
    /99\.0 % .*killed by the kernel \(exit 137\), most likely/,
  ],
  ['silence just below', [boot(1000), memory(2000, 1, { containerRatio: 0.899 })], /still running, or killed/],
  [
    'silence under pressure',
    [boot(1000), memory(2000, 1), record(2500, 'pressure', { resource: 'heap', rung: 'warn' })],
    /under pressure on heap/,
  ],
  [
    'pressure that eased',
    [boot(1000), record(2000, 'pressure', { resource: 'heap' }), record(3000, 'pressure-eased', { resource: 'heap' })],
    /still running/,
  ],
  [
    'silence after a signal',
    [boot(1000), record(2000, 'signal', { signal: 'SIGTERM' })],
    /after SIGTERM.*not by memory/,
  ],
  [
    'silence after pressure near the limit has eased',
    [...pressedAt(0.922), record(4000, 'pressure-eased', { resource: 'container' })],
    /^The log stops, without a last line: still running, or killed by something that is not memory\.$/,
  ],
  [
    'a rollout after it has eased',
    [
      ...pressedAt(0.957),
      record(4000, 'pressure-eased', { resource: 'container' }),
      record(5000, 'signal', { signal: 'SIGTERM' }),
    ],
    /^The log stops after SIGTERM: stopped from outside, not by memory\.$/,
  ],
  [
    'the heap’s pressure eased, the container’s did not',
    [...pressedAt(0.957), record(4000, 'pressure-eased', { resource: 'heap' })],
    /95\.7 % .*killed by the kernel/,
  ],
  [
    'full again after it had eased',
    [
      ...pressedAt(0.922),
      record(4000, 'pressure-eased', { resource: 'container' }),
      memory(5000, 4, { containerRatio: 0.98 }),
    ],
    /98\.0 % .*killed by the kernel/,
  ],
  [
    'a signal while the container is nearly full',
    [...pressedAt(0.957), record(4000, 'signal', { signal: 'SIGTERM' })],
    /^The log stops after SIGTERM under pressure on container at 95\.7 % .*: stopped from outside, or memory was first\.$/,
  ],
  [
    'a signal near the limit, on no rung',
    [boot(1000), memory(2000, 1, { containerRatio: 0.9 }), record(4000, 'signal', { signal: 'SIGINT' })],
    /^The log stops after SIGINT at 90\.0 % .*or memory was first\.$/,
  ],
  [
    'the guard’s own SIGTERM is not from outside',
    [
      ...pressedAt(0.957),
      record(4000, 'draining', { signal: 'SIGTERM' }),
      record(4001, 'signal', { signal: 'SIGTERM' }),
    ],
    /95\.7 % .*killed by the kernel/,
  ],
  [
    'a share of another limit tells nothing',
    [boot(1000), memory(2000, 1, { containerRatio: 0.95 }), record(4000, 'limit-changed')],
    /still running/,
  ],
] as const)
  t.test(`the end: ${name}`, async t => {
    const [run] = reportsOf(records)
    t.match(run && ending(run.end).text, want)
  })

const death = (timeMs: number, keys: object, source?: string) =>
  record(
    timeMs,
    'previous-death',
    {
      level: 'error',
      msg: 'the kernel.',
      death: 'kernel-oom',
      confidence: 'likely',
      lastSeen: new Date(9000).toISOString(),
      runUptimeS: 8,
      rssMB: 499,
      containerRatio: 0.99,
      ...keys,
    },
    source,
  )
const first = [boot(1100), memory(5000, 4)]

for (const [name, records, want] of [
  [
    'the next start tells how it ended',
    [...first, death(20_000, {}), boot(20_100)],
    [/next start says of it: the kernel\./, /still running/],
  ],
  [
    'one that started otherwise is not meant',
    [...first, death(20_000, { runUptimeS: 3 }), boot(20_100)],
    [/still running/, /still running/],
  ],
  [
    'one under another name is not meant',
    [...first, death(20_000, {}, 'b'), boot(20_100, 'b')],
    [/still running/, /still running/],
  ],
  [
    'one that ended in good order is not meant',
    [...first, record(8000, 'shutdown', { exitCode: 0 }), death(20_000, {}), boot(20_100)],
    [/Ended with code 0/, /still running/],
  ],
  [
    'what nobody knows adds nothing',
    [...first, death(20_000, { death: 'not-known' }), boot(20_100)],
    [/still running/, /still running/],
  ],
  ['no time, no match', [...first, death(20_000, { lastSeen: 7 }), boot(20_100)], [/still running/, /still running/]],
] as const)
  t.test(`a previous death: ${name}`, async t => {
    const runs = reportsOf(records)
    t.match(
      runs.map(({ end }) => ending(end).text),
      want,
    )
    t.strictSame(
      runs.map(({ peaks }) => peaks.rssMB),
      [50, undefined],
      'the sample in it is no sample of the process that tells it',
    )
  })

for (const [name, keys, want] of [
  ['likely', {}, { short: 'killed by the kernel, most likely', isBad: true }],
  ['certain', { death: 'v8-heap-limit', confidence: 'certain' }, { short: "V8's heap limit", isBad: true }],
  [
    'possible',
    { death: 'stopped-from-outside', confidence: 'possible' },
    { short: 'stopped from outside, possibly', isBad: false },
  ],
  ['a kind of a later version', { death: 'flood' }, { short: 'flood, most likely', isBad: false }],
] as const)
  t.test(`a previous death in a few words: ${name}`, async t => {
    const [run] = reportsOf([...first, death(20_000, keys), boot(20_100)])
    t.match(run && ending(run.end), want)
  })

t.test('a shutdown is of the one that spoke last, where starts do not tell', async t => {
  const [a, b] = reportsOf([
    boot(1000),
    boot(1010),
    memory(2000, 1, { rssMB: 10 }),
    memory(2010, 1, { rssMB: 90 }),
    memory(3000, 2, { rssMB: 10 }),
    record(3001, 'shutdown', { uptimeS: 2, exitCode: 3 }),
    memory(3010, 2, { rssMB: 90 }),
    record(3011, 'shutdown', { uptimeS: 2, exitCode: 4 }),
  ])
  t.match(a, { peaks: { rssMB: 10 }, end: { exitCode: 3 } })
  t.match(b, { peaks: { rssMB: 90 }, end: { exitCode: 4 } })
})

t.test('V8’s last words go to the living process of the pid that they name', async t => {
  const runs = new Runs()
  for (const one of [
    boot(1000),
    record(1500, 'shutdown', { exitCode: 0 }),
    boot(2000),
    memory(3000, 1),
    boot(2500, 'b'),
  ])
    runs.add(one)
  runs.diedOfHeap(1, 'b', 'heap out of memory')
  runs.diedOfHeap(7, undefined, 'nobody')
  t.strictSame(
    runs.reports().map(({ end }) => end.kind),
    ['exit', 'no-last-line', 'v8-heap-limit'],
  )
})

const point = (timeMs: number, rssMB: number, heapUsedMB = Number.NaN) => ({
  timeMs,
  rssMB,
  heapUsedMB,
  heapTotalMB: Number.NaN,
  externalMB: Number.NaN,
  arrayBuffersMB: Number.NaN,
  containerMB: Number.NaN,
  heapCeilingMB: Number.NaN,
  containerMemoryMB: Number.NaN,
})

t.test('points: memory is bounded, peaks stay, the newest is exact', async t => {
  const points = new Points(10)
  for (let at = 0; at < 10_007; at++) points.add(point(at, at === 5003 ? 999 : at % 7, at === 10_006 ? 42 : undefined))
  const { timeMs, rssMB, heapUsedMB } = points.series()
  t.ok(timeMs.length <= 12, `${timeMs.length} points`)
  t.equal(points.taken, 10_007)
  t.ok(rssMB.includes(999), 'a single peak')
  t.equal(timeMs[timeMs.length - 1], 10_006)
  t.equal(rssMB[rssMB.length - 1], 10_006 % 7)
  t.strictSame(
    heapUsedMB.slice(0, -1).filter(value => value !== null),
    [],
    'what is not known stays so',
  )
  t.strictSame(
    [...timeMs].sort((a, b) => Number(a) - Number(b)),
    timeMs,
    'in order',
  )
})

for (const count of [0, 1, 2, 9, 10, 11, 21])
  t.test(`${count} points`, async t => {
    const points = new Points(10)
    for (let at = 0; at < count; at++) points.add(point(at, at))
    const { timeMs } = points.series()
    t.equal(timeMs.length === 0 ? -1 : timeMs[timeMs.length - 1], count - 1)
    t.equal(new Set(timeMs).size, timeMs.length, 'none twice')
  })
