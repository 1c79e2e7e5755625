// A whole log, line by line: whose the records are, and whose the words of V8.
import t from 'tap'
import { Collector } from '../../cli/report/collect.ts'
import type { ReportDocument } from '../../cli/report/document.ts'
import { ending } from '../../cli/report/ending.ts'

const beganMs = Date.UTC(2026, 10, 23, 18)
const line = (atS: number, event: string, keys: object = {}): string =>
  JSON.stringify({
    time: new Date(beganMs + atS * 1000).toISOString(),
    level: 'info',
    name: 'heapguard',
    event,
    pid: 1,
    msg: `${event}.`,
    ...keys,
  })
const boot = (atS: number, keys: object = {}) => line(atS, 'heap-validated', { verdict: 'fits', ...keys })
const memory = (atS: number, uptimeS: number, keys: object = {}) => line(atS, 'memory', { uptimeS, rssMB: 50, ...keys })

const reportOf = (lines: readonly string[]): ReportDocument => {
  const collector = new Collector()
  collector.add(Buffer.from(`${lines.join('\n')}\n`))
  return collector.finish('app.log')
}
const ends = (lines: readonly string[]): readonly string[] =>
  reportOf(lines).processes.map(({ source, end }) => `${source ?? '-'}: ${ending(end).short}`)

const LAST_WORDS = [
  '<--- Last few GCs --->',
  '[1:0x3369d000]    43838 ms: Mark-Compact 380.0 (387.0) -> 379.0 (388.0) MB, 500 / 0 ms',
  'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
]
const a = [boot(0), memory(60, 60), memory(120, 120)]
const b = [boot(20), memory(80, 60), memory(140, 120), memory(200, 180)]

for (const [name, around, sources] of [
  ['docker compose', (of: string, text: string) => `${of}-1  | ${text}`, ['a-1', 'b-1']],
  ['kubectl --prefix', (of: string, text: string) => `[pod/${of}/app] ${text}`, ['pod/a/app', 'pod/b/app']],
  ['stern', (of: string, text: string) => `${of}-7d9 app ${text}`, ['a-7d9/app', 'b-7d9/app']],
  [
    'Fluent Bit',
    (of: string, text: string) => JSON.stringify({ log: `${text}\n`, kubernetes: { pod_name: of } }),
    ['a', 'b'],
  ],
] as const)
  t.test(`V8’s last words end the service that said them, whoever spoke last: ${name}`, async t => {
    const said = (of: string, lines: readonly string[]) => lines.map(text => around(of, text))
    const lines = [...said('a', a), ...said('b', b.slice(0, 3)), ...said('a', LAST_WORDS), ...said('b', b.slice(3))]
    t.strictSame(ends(lines), [`${sources[0]}: V8's heap limit`, `${sources[1]}: log stops`])
  })

t.test('a collection of one service names no pid for another', async t => {
  const lines = [
    ...a.map(text => `a-1  | ${text}`),
    ...b.map(text => `b-1  | ${text.replace('"pid":1', '"pid":7')}`),
    `a-1  | ${LAST_WORDS[1]}`,
    `b-1  | ${LAST_WORDS[2]}`,
  ]
  t.strictSame(ends(lines), ['a-1: log stops', "b-1: V8's heap limit"])
})

const V8_SAID = "-: V8's heap limit"
const pressure = (resource: string) => line(130, 'pressure', { level: 'error', resource, rssMB: 400, uptimeS: 130 })

for (const [name, lines, want] of [
  ['nothing follows', LAST_WORDS, V8_SAID],
  ['the process goes on', [...LAST_WORDS, memory(180, 180)], '-: log stops'],
  ['the container fills', [...LAST_WORDS, pressure('container')], '-: stops under pressure (container)'],
  ['the watchdog’s thread speaks while V8 ends the process', [...LAST_WORDS, pressure('heap')], V8_SAID],
  [
    'it was an app’s own',
    ['{"level":"fatal","msg":"FATAL ERROR: redis: OOM command not allowed when used memory > maxmemory"}'],
    '-: log stops',
  ],
] as const)
  t.test(`V8’s last words, and then: ${name}`, async t => {
    t.strictSame(ends([...a, ...lines]), [want])
    const [process] = reportOf([...a, ...lines]).processes
    t.equal(
      process?.events.some(({ event }) => event === 'v8-heap-limit'),
      want === V8_SAID,
    )
  })

t.test('of two that can be meant it is the one whose heap was full', async t => {
  const full = line(150, 'pressure', { resource: 'heap', level: 'error', rssMB: 400, uptimeS: 150 })
  t.strictSame(ends([...a, ...b, full, ...LAST_WORDS]), [V8_SAID, '-: log stops'])
})

const restarted = [
  boot(0),
  memory(60, 60),
  memory(120, 120),
  pressure('container'),
  line(140, 'pressure-eased', { resource: 'container' }),
  line(150, 'signal', { signal: 'SIGTERM' }),
  line(200, 'previous-death', { death: 'not-known' }),
  boot(201),
  memory(260, 60),
  ...LAST_WORDS,
]

for (const [name, lines] of [
  ['a restart', restarted],
  ['two services', restarted.flatMap(text => [`a-1  | ${text}`, `b-1  | ${text}`])],
  ['only a start and an end', [boot(0), line(650, 'shutdown', { exitCode: 0, uptimeS: 650 })]],
  ['a short end', [boot(0), memory(60, 60), line(61, 'shutdown', { exitCode: 3, uptimeS: 61 })]],
  ['a log that begins in the middle', [memory(60, 60), memory(120, 120), memory(180, 180)]],
] as const)
  t.test(`a log with its newest line first tells the same: ${name}`, async t =>
    t.strictSame(reportOf([...lines].reverse()), reportOf(lines)),
  )

t.test('a clock that was set back is no log that runs backwards', async t => {
  const lines = [boot(3600), memory(60, 60), memory(120, 120), memory(180, 180)]
  t.match(reportOf(lines).processes, [{ samples: 3, boot: { verdict: 'fits' } }])
})

t.test('two that started together and speak in turns run forwards', async t => {
  const spoken = [60, 120, 180].flatMap(atS => [memory(atS + 0.1, atS + 0.1), memory(atS + 0.5, atS - 0.4)])
  const lines = [boot(0), boot(0.9), ...spoken.slice(0, -1)]
  t.strictSame(reportOf(lines), reportOf([...lines].reverse()))
  t.match(reportOf(lines).processes, [{ samples: 3 }, { samples: 2 }])
  t.match(reportOf(spoken.slice(0, -1)).processes, [{ lastMs: beganMs + 180_100 }])
})

t.test('of a long log with its newest line first the newest is drawn, and it is said how much is not', async t => {
  const lines = Array.from({ length: 12_000 }, (_, at) => memory(at + 1, at + 1)).reverse()
  const { records, omittedRecords, processes } = reportOf(lines)
  t.strictSame([records, omittedRecords], [10_000, 2000])
  t.match(processes, [{ samples: 10_000, lastMs: beganMs + 12_000_000 }])
})

t.test('a log that never tells which way it runs is not held for ever', async t => {
  const lines = Array.from({ length: 12_000 }, (_, at) => boot(at * 10))
  t.match(reportOf(lines), { records: 12_000, omittedRecords: 0, omittedProcesses: 11_800 })
})
