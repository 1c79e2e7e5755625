// What is drawn, in a terminal and on a page.
import picocolors from 'picocolors'
import t from 'tap'
import { Braille } from '../../cli/report/braille.ts'
import { chart, markOf } from '../../cli/report/chart.ts'
import type { ProcessReport, ReportDocument } from '../../cli/report/document.ts'
import { overview } from '../../cli/report/overview.ts'
import { processSection } from '../../cli/report/page-process.ts'
import { escaped } from '../../cli/report/page-text.ts'
import { reportText } from '../../cli/report/text.ts'
import { moment, span } from '../../cli/report/time.ts'
import { wrapped } from '../../cli/wrap.ts'

const paint = picocolors.createColors(false)

t.test('a canvas: a dot, a line, and nothing outside of it', async t => {
  const canvas = new Braille(2, 1)
  canvas.dot(0, 0, 0)
  canvas.dot(-1, 0, 0)
  canvas.dot(4, 0, 0)
  canvas.dot(0, 4, 0)
  t.strictSame(
    canvas.lines(text => text),
    ['⠁ '],
  )
  canvas.line(0, 3, 3, 3, 1)
  t.strictSame(
    canvas.lines((text, owner) => `<${owner}:${text}>`),
    ['<1:⣁⣀>'],
  )
})

t.test('a line that goes far beyond a canvas ends at its edge, at once', async t => {
  const canvas = new Braille(2, 1)
  canvas.line(0, 3, 1e15, 3, 0)
  canvas.line(0, -1e300, 0, 1e300, 1)
  t.strictSame(
    canvas.lines(text => text),
    ['⣇⣀'],
  )
})

const series = (rss: readonly number[], limit?: number): ProcessReport['series'] => {
  const none = rss.map(() => null)
  return {
    timeMs: rss.map((_, at) => at * 1000),
    rssMB: rss,
    heapTotalMB: none,
    heapUsedMB: rss.map(mb => mb / 2),
    externalMB: none,
    arrayBuffersMB: none,
    containerMB: none,
    heapCeilingMB: none,
    containerMemoryMB: limit === undefined ? none : rss.map(() => limit),
  }
}
const processOf = (keys: Partial<ProcessReport> = {}): ProcessReport => ({
  pid: 1,
  startMs: 0,
  lastMs: 2000,
  end: { kind: 'exit', exitCode: 0, uncaught: false },
  peaks: { rssMB: 100 },
  samples: 3,
  samplesAPoint: 1,
  series: series([10, 50, 100], 128),
  events: [],
  omittedEvents: 0,
  alarms: 0,
  suspects: [],
  ...keys,
})
const event = (keys: object = {}) => ({ timeMs: 1000, level: 'warn', event: 'pressure', msg: 'a sentence', ...keys })

t.test('a chart has its axis, its labels and its marks', async t => {
  const lines = chart(processOf({ events: [event(), event({ timeMs: 2000, level: 'error' })] }), 80, paint)
  t.equal(lines.length, 15)
  t.match(lines[0], /^ +150 ┤/)
  t.ok(lines.some(line => line.endsWith('RSS 100')))
  t.ok(lines.some(line => line.endsWith('heap 50')))
  t.ok(lines.some(line => line.endsWith('container limit 128')))
  t.match(lines[13], /^ {8} +▲ +✖$/)
  t.match(lines[14], /^ {8}00:00:00 +00:00:02$/)
  for (const line of lines) t.ok([...line].length <= 80, line)
})

t.test('a time from nowhere between two others is drawn at the edge, at once', async t => {
  const far = { ...series([10, 50, 20, 100], 128), timeMs: [0, 8.6e15, -8.6e15, 1000] }
  const lines = chart(processOf({ series: far, events: [event({ timeMs: 8.6e15 })] }), 80, paint)
  t.match(lines[13], /^ {8} +▲$/)
  for (const line of lines) t.ok([...line].length <= 80, line)
})

t.test('a limit far above presses nothing flat, and is named', async t => {
  const lines = chart(processOf({ series: series([10, 50, 100], 4096) }), 80, paint)
  t.match(lines[0], /^ +120 ┤/)
  t.match(lines[lines.length - 1], /container limit 4096 MB is far above the chart/)
})

t.test('no chart of fewer than two samples, or of one moment', async t => {
  t.strictSame(chart(processOf({ series: series([]) }), 80, paint), [])
  t.strictSame(chart(processOf({ series: series([10]) }), 80, paint), [])
  t.strictSame(chart(processOf({ series: { ...series([10, 20]), timeMs: [5, 5] } }), 80, paint), [])
})

for (const [keys, mark] of [
  [{ event: 'heap-validated' }, '┬'],
  [{ event: 'shutdown', level: 'info' }, '┴'],
  [{ event: 'signal', level: 'info' }, 's'],
  [{ event: 'pressure-eased', level: 'info' }, '▽'],
  [{ event: 'oom-kill', level: 'error' }, '✖'],
  [{ event: 'pressure', rung: 'critical' }, '✖'],
  [{ event: 'heap-sum' }, '▲'],
  [{ event: 'limit-changed', level: 'info' }, '·'],
] as const)
  t.test(`the mark of ${JSON.stringify(keys)}`, async t => t.equal(markOf(event(keys)), mark))

const reportOf = (processes: readonly ProcessReport[]): ReportDocument => ({
  log: 'app.log',
  records: 1,
  omittedRecords: 0,
  textLines: 0,
  processes,
  omittedProcesses: 2,
})

t.test('the text tells all that is known, and steers no terminal', async t => {
  const text = reportText(
    reportOf([
      processOf({
        source: 'app-1',
        nodeVersion: 'v24.0.0\x1b[2J',
        boot: { level: 'warn', verdict: 'exceeds', msg: 'too \x1b]0;x\x07much' },
        events: Array.from({ length: 20 }, () => event({ msg: 'evil \x9b31m\u202e' })),
        suspects: [{ site: 'leak.js:3', MB: 12.5 }],
        samplesAPoint: 4,
      }),
    ]),
    80,
    paint,
  )
  t.match(text, /^heapguard report: app\.log, 1 record of 1 process\n/)
  t.match(text, /app-1 pid 1/)
  t.match(text, /a point is the highest of 4/)
  t.match(text, /… 8 more before these/)
  t.match(text, / 12\.5 MB {2}leak\.js:3/)
  t.match(text, /Ended with code 0\.\n/)
  t.match(text, /2 more processes with little to say are left out\./)
  for (const steering of ['\x1b', '\x07', '\x9b', '\u202e']) t.notOk(text.includes(steering))
})

t.test('lines that may be another’s are said to be, in the terminal and on the page', async t => {
  t.match(
    reportText(reportOf([processOf({ isMixed: true })]), 300, paint),
    /^Another process of this pid started with it/m,
  )
  t.match(processSection(processOf({ isMixed: true }), 0), /<p class="hint">Another process of this pid/)
  t.notMatch(processSection(processOf(), 0), /Another process/)
})

t.test('records that are left out are said to be', async t => {
  const cut = { ...reportOf([processOf()]), omittedRecords: 1234 }
  t.match(reportText(cut, 300, paint), /newest line first, and its 1,234 oldest records are left out: .*tac LOG/)
  t.notMatch(reportText(reportOf([processOf()]), 300, paint), /newest/)
})

const died = { kind: 'no-last-line', containerRatio: 0.97 } as const

t.test('several processes have a line each beneath the charts', async t => {
  const day = 86_400_000
  const text = reportText(
    reportOf([processOf({ alarms: 1234 }), processOf({ pid: 20, lastMs: day, end: died, source: 'pod/x/app' })]),
    80,
    paint,
  )
  const lines = text.split('\n')
  const at = lines.findIndex(line => line.startsWith('process '))
  t.strictSame(lines.slice(at, at + 3), [
    'process           UTC                               verdict  most RSS  alarms  …',
    'pid 1             01-01 00:00:00 to 01-01 00:00:02  --         100 MB   1,234  …',
    'pod/x/app pid 20  01-01 00:00:00 to 01-02 00:00:00  --         100 MB       0  …',
  ])
  const wide = overview([processOf(), processOf({ end: died })], 200, paint)
  t.strictSame(
    wide.map(line => line.slice(line.lastIndexOf('  ') + 2)),
    ['end', 'exit 0', 'killed at 97.0 %, most likely'],
  )
})

t.test('of many processes those are drawn that had trouble', async t => {
  const quiet = (pid: number) => processOf({ pid })
  const all = [...Array.from({ length: 11 }, (_, at) => quiet(at + 1)), processOf({ pid: 99, end: died })]
  const text = reportText(reportOf(all), 100, paint)
  t.equal(text.match(/^pid \d+ +1970/gm)?.length, 8)
  t.match(text, /^pid 99 {2}1970/m)
  t.match(text, /^8 of 12 are drawn; --html draws all of them\.$/m)
  t.equal(text.match(/^pid \d+ +00:00:00 to /gm)?.length, 12, 'and all have a line')
  t.notMatch(reportText(reportOf(all.slice(-8)), 100, paint), /are drawn/)
})

t.test('a moment has its day where the clock alone would not tell', async t => {
  const ms = Date.UTC(2026, 10, 23, 19, 14, 45)
  t.equal(span(ms, ms + 1000), '2026-11-23 19:14:45 to 19:14:46')
  t.equal(span(ms, ms + 86_400_000), '2026-11-23 19:14:45 to 2026-11-24 19:14:45')
  t.equal(moment(ms, false), '19:14:45')
  t.equal(moment(ms, true), '11-23 19:14:45')
})

for (const [name, text, columns, want] of [
  ['at spaces', 'one two three', 7, 'one two\n  three'],
  ['a long word stays whole', 'a incomprehensibilities b', 5, 'a\n  incomprehensibilities\n  b'],
  ['a number and its unit stay together', 'it holds 12.5 MB now', 13, 'it holds\n  12.5 MB now'],
  ['percent', 'that is 97 % of it', 11, 'that is\n  97 % of\n  it'],
] as const)
  t.test(`wrapped: ${name}`, async t => t.equal(wrapped(text, columns, '  '), want))

t.test('nothing of a log is markup', async t => {
  t.equal(escaped(`<a href="x" b='y'>&\u202e\0`), '&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;��')
  const evil = '</section><script>alert(1)</script><img src=x onerror=alert(1)>"\''
  const section = processSection(
    processOf({
      source: evil,
      nodeVersion: evil,
      boot: { level: 'warn', verdict: evil, msg: evil, remedy: evil },
      end: { kind: 'v8-heap-limit', msg: evil },
      events: [event({ event: evil, level: evil, rung: evil, cause: evil, msg: evil })],
      suspects: [{ site: evil, MB: 1 }],
    }),
    0,
  )
  t.notMatch(section, /<script|<img|alert\(1\)<\/script>/)
  t.equal(section.match(/<\/section>/g)?.length, 1)
})
