// What is drawn, in a terminal and on a page.
import picocolors from 'picocolors'
import t from 'tap'
import { Braille } from '../../cli/report/braille.ts'
import { chart, markOf } from '../../cli/report/chart.ts'
import type { ProcessReport, ReportDocument } from '../../cli/report/document.ts'
import { processSection } from '../../cli/report/page-process.ts'
import { escaped } from '../../cli/report/page-text.ts'
import { reportText } from '../../cli/report/text.ts'

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
