import t from 'tap'
import { type BudgetFacts, budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import type { Cause, CauseKind } from '../../preload/core/cause.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import {
  adviceOn,
  configProblem,
  draining,
  evidenceProblem,
  heapIsBounded,
  kernelLimitIsLower,
  lastWordsOf,
  limitChanged,
  memoryLine,
  metricsProblem,
  nobodyDrains,
  oomKill,
  type PressureFacts,
  pressure,
  pressureEased,
  signalArrived,
} from '../../preload/core/report-watch.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'

const KERNEL: ContainerLimit = {
  kind: 'limited',
  limitBytes: mbToBytes(512),
  source: 'cgroup-v2',
  path: '/sys/fs/cgroup/memory.max',
  confidence: 'high',
}
const budget = (over: Partial<BudgetFacts> = {}): HeapBudget =>
  budgetOf({
    heapLimitBytes: mbToBytes(387),
    oldSpaceLimit: {
      kind: 'set',
      limitBytes: mbToBytes(384),
      source: 'flag',
      text: '--max-old-space-size=384',
      from: 'NODE_OPTIONS',
    },
    kernelLimit: KERNEL,
    operatorMB: undefined,
    nodeSeesBytes: undefined,
    ...over,
  })

for (const [name, heapLimitMB, containerMB, verdict, text, flags] of [
  [
    'exceeds: what would happen, and what to set',
    463,
    512,
    { kind: 'exceeds', overBytes: mbToBytes(28) },
    /^above 85 %, .*exit 137.* put --max-old-space-size=384 in the place of the heap flags and keep the rest\.$/,
    '--max-old-space-size=384',
  ],
  [
    'tight: what is left and what is needed',
    387,
    400,
    { kind: 'tight', spareBytes: mbToBytes(13), neededBytes: mbToBytes(64) },
    /leaves 13 MB .* 64 MB is the least/,
    /^--max-old-space-size=\d+$/,
  ],
  ['low: V8 left more than half', 100, 2048, { kind: 'low', usableBytes: mbToBytes(100) }, /^no heap flag/, /size=\d+/],
  [
    'a container too small for any flag',
    100,
    100,
    { kind: 'exceeds', overBytes: mbToBytes(15) },
    /No heap flag helps in so small a container: give it \d+ MB or more\.$/,
    undefined,
  ],
  ['fits: no advice is needed', 100, 512, { kind: 'fits', spareBytes: mbToBytes(412) }, /^it fits\.$/, undefined],
] as const)
  t.test(`advice: ${name}`, async t => {
    const kernelLimit = { ...KERNEL, limitBytes: mbToBytes(containerMB) }
    const oldSpaceLimit = {
      kind: 'set',
      limitBytes: mbToBytes(heapLimitMB - 3),
      source: 'flag',
      text: '',
      from: 'NODE_OPTIONS',
    } as const
    const facts = { heapLimitBytes: mbToBytes(heapLimitMB), kernelLimit, oldSpaceLimit }
    const advice = adviceOn(budget(facts), verdict, {
      nodeVersion: 'v24.21.0',
      warnPercent: 85,
    })
    t.match(advice.text, text)
    if (flags === undefined) t.equal(advice.flags, undefined)
    else t.match(advice.flags, flags)
  })

t.test('advice on an assumed container does not say what the kernel would do, but what it would do there', async t => {
  const assumed = budget({ kernelLimit: { kind: 'unlimited', reason: 'none' }, heapLimitBytes: mbToBytes(2096) })
  const { text } = adviceOn(
    assumed,
    { kind: 'exceeds', overBytes: mbToBytes(1) },
    { nodeVersion: 'v22.0.0', warnPercent: 85 },
  )
  t.match(text, /so in such a container the kernel would kill/)
})

t.test('config-problem', async t =>
  t.strictSame(configProblem({ variable: 'A', value: 'x', rule: 'must be y', used: 'z' }), {
    level: 'warn',
    event: 'config-problem',
    msg: 'A=x must be y; z is used instead.',
    fields: { variable: 'A', value: 'x', used: 'z' },
  }),
)

t.test("config-problem: the operator's number is above the kernel's", async t =>
  t.match(kernelLimitIsLower(1024, mbToBytes(512), '/f'), {
    level: 'warn',
    event: 'config-problem',
    msg: /CONTAINER_MEMORY_MB=1024 is above the 512 MB at which the kernel kills \(\/f\)/,
    fields: { variable: 'CONTAINER_MEMORY_MB', value: '1024', used: '1024' },
  }),
)

const sample = (container: Sample['container']): Sample => ({
  memory: {
    rss: mbToBytes(100),
    heapTotal: mbToBytes(60),
    heapUsed: mbToBytes(48),
    external: mbToBytes(5),
    arrayBuffers: mbToBytes(3),
  },
  heapLimitBytes: mbToBytes(387),
  oldSpaceBytes: mbToBytes(40),
  oldCapacityBytes: mbToBytes(50),
  majorCollections: 0,
  container,
  uptimeMs: millis(61_234),
})

t.test('memory: every key, and the sentence', async t =>
  t.strictSame(memoryLine(sample({ usageBytes: mbToBytes(300), workingSetBytes: mbToBytes(128) }), budget(), 3), {
    level: 'info',
    event: 'memory',
    msg: "RSS 100 MB, heap 48 MB of 384 MB (12.5 %), external 5 MB, working set 128 MB of the container's 512 MB (25.0 %).",
    fields: {
      rssMB: 100,
      heapTotalMB: 60,
      heapUsedMB: 48,
      externalMB: 5,
      arrayBuffersMB: 3,
      heapLimitMB: 387,
      heapCeilingMB: 384,
      heapUsedRatio: 0.125,
      containerUsageMB: 300,
      containerWorkingSetMB: 128,
      containerMemoryMB: 512,
      containerRatio: 0.25,
      droppedLines: 3,
      uptimeS: 61.2,
    },
  }),
)

t.test('memory: usage stands in for the working set, RSS for usage, and the sentence names it', async t => {
  t.match(memoryLine(sample({ usageBytes: mbToBytes(256) }), budget(), 0), {
    msg: /usage 256 MB of the container's 512 MB \(50\.0 %\)/,
    fields: { containerRatio: 0.5, containerWorkingSetMB: undefined, droppedLines: undefined },
  })
  t.match(memoryLine(sample({}), budget(), 0), {
    msg: /this process's RSS \(the container's usage cannot be read\) 100 MB of/,
    fields: { containerRatio: 0.195, containerUsageMB: undefined },
  })
})

t.test('memory: nothing is put against an assumed container', async t => {
  const { fields, msg } = memoryLine(
    sample({ usageBytes: mbToBytes(1) }),
    budget({ kernelLimit: { kind: 'unlimited', reason: '' } }),
    0,
  )
  t.equal(fields.containerRatio, undefined)
  t.equal(fields.containerMemoryMB, undefined)
  t.equal(fields.containerUsageMB, 1)
  t.notMatch(msg, /container/)
})

t.test('signal: the app handles it', async t =>
  t.match(signalArrived('SIGTERM', true, true), {
    level: 'info',
    event: 'signal',
    fields: { signal: 'SIGTERM', appHandles: true, isPid1: true },
  }),
)

t.test('signal: PID 1 without a handler is told what will happen and what to do', async t =>
  t.match(signalArrived('SIGINT', false, true), {
    level: 'warn',
    msg: /SIGINT.*PID 1.*killed when the grace period is over.*--init/,
    fields: { appHandles: false },
  }),
)

const facts = (over: Partial<PressureFacts>): PressureFacts => ({
  sample: sample({ usageBytes: mbToBytes(460) }),
  budget: budget(),
  droppedLines: 0,
  resource: 'container',
  rung: 'warn',
  isCramped: false,
  levelBytes: mbToBytes(460),
  limitBytes: mbToBytes(512),
  cause: { kind: 'buffers', partBytes: mbToBytes(200), ofBytes: mbToBytes(210), sinceMs: millis(12_000) },
  growth: { perMs: mbToBytes(20) / 1000, isSteady: true },
  leftMs: millis(2600),
  suspects: [],
  isSampled: false,
  culprit: undefined,
  lateMs: millis(0),
  ...over,
})
const part = (kind: CauseKind): Cause => ({
  kind,
  partBytes: mbToBytes(200),
  ofBytes: mbToBytes(210),
  sinceMs: millis(12_000),
})
const LEAK = { site: 'leak (/a.js:1)', bytes: mbToBytes(50) }

t.test('pressure: level, keys and sentence', async t => {
  const entry = pressure(facts({}))
  t.match(entry, {
    level: 'warn',
    event: 'pressure',
    fields: {
      resource: 'container',
      rung: 'warn',
      cause: 'buffers',
      rssMB: 100,
      containerUsageMB: 460,
      containerMemoryMB: 512,
      growthMBPerS: 20,
      secondsToLimit: 2.6,
      suspects: undefined,
    },
  })
  t.equal(
    entry.msg,
    'The container holds 460 MB of 512 MB (89.8 %), growing by 20 MB a second: when it is full the kernel kills (exit 137, without a word) in about 2.6 s. What grows is Buffers and ArrayBuffers: 200 MB of 210 MB in the last 12 s; 3 MB are allocated now, and which code made them is not known. Bound what is read into memory at a time (streams with back-pressure, limits on bodies and batches).',
  )
})

for (const [name, over, want, level] of [
  ['the second rung', { rung: 'critical' }, /./, 'error'],
  [
    "RSS in the place of the container's usage, by its name",
    { sample: sample({}) },
    /^This process's RSS \(the container's usage cannot be read\) is 460 MB of the container's 512 MB \(89\.8 %\), growing by 20 MB a second: when it is full the kernel kills/,
    'warn',
  ],
  [
    'the heap, where that usage cannot be read',
    { resource: 'heap', sample: sample({}) },
    /^The JS heap holds 460 MB of 512 MB \(89/,
    'warn',
  ],
  [
    'no growth known',
    { growth: undefined, leftMs: undefined },
    /\(89\.8 %\): when it is full the kernel kills \(exit 137, without a word\)\. /,
    'warn',
  ],
  ['not growing', { growth: { perMs: -1, isSteady: false }, leftMs: undefined }, /\(89\.8 %\): when/, 'warn'],
  [
    'judged by what is there',
    { cause: { ...part('buffers'), sinceMs: undefined } },
    / Most of it is Buffers and ArrayBuffers: 200 MB;/,
    'warn',
  ],
  [
    'another process, by name',
    { cause: part('process'), culprit: { pid: 7, name: 'ffmpeg', rssBytes: mbToBytes(150) } },
    /other processes .* the largest ffmpeg \(pid 7\) with 150 MB\./,
    'warn',
  ],
  [
    'another process that cannot be read',
    { cause: part('process') },
    /other processes of the container: 200 MB of 210 MB in the last 12 s\. /,
    'warn',
  ],
  ['tmpfs', { cause: part('tmpfs') }, /files in memory \(tmpfs/, 'warn'],
  ['not known', { cause: part('unknown') }, /Which part of it grows cannot be told\. Give/, 'warn'],
  [
    'the heap fills the container',
    { cause: part('heap'), suspects: [LEAK], isSampled: true },
    /What grows is V8's heap.* comes from leak \(\/a\.js:1\), 50 MB\. Find/,
    'warn',
  ],
  [
    'two sites',
    { cause: part('heap'), suspects: [LEAK, { ...LEAK, site: 'b' }], isSampled: true },
    /50 MB, then b, 50 MB\./,
    'warn',
  ],
  ['sampled, but nothing stands out', { cause: part('heap'), isSampled: true }, /12 s\. Find/, 'warn'],
  ['not sampled', { cause: part('heap') }, /Which code allocates it is not known yet\./, 'warn'],
  ['a loop that was blocked', { lateMs: millis(3200) }, /The event loop was blocked for 3\.2 s until now\./, 'warn'],
  [
    "the watchdog's own note in its place",
    { lateMs: millis(3200), note: ' Seen from outside.' },
    /known\. Seen from outside\. /,
    'warn',
  ],
  ['a loop that was a little late', { lateMs: millis(999) }, /known\. Bound/, 'warn'],
  ['a loop that was late enough for a word', { lateMs: millis(1000) }, /was blocked for 1 s until now\./, 'warn'],
  [
    'Buffers that nobody has filled yet, or that grow where something else shrinks',
    { cause: { kind: 'buffers', partBytes: mbToBytes(1154), ofBytes: mbToBytes(302), sinceMs: millis(14_400) } },
    /Buffers and ArrayBuffers: 1154 MB, where all that is held grew by 302 MB in the last 14\.4 s; \d+ MB are allocated now,/,
    'warn',
  ],
  [
    'the heap',
    { resource: 'heap', cause: part('heap') },
    /^The JS heap holds 460 MB of 512 MB \(89\.8 %\) after garbage collection, growing by 20 MB a second: when it is full V8 ends this process \(exit 134\) in about 2\.6 s\. Which code/,
    'warn',
  ],
  [
    'collections that find nothing',
    { resource: 'heap', cause: part('heap'), isCramped: true },
    /V8 finds next to no room any more, neither by collecting garbage nor by growing: it may end this process \(exit 134\) at any time\./,
    'warn',
  ],
] as const satisfies readonly (readonly [string, Partial<PressureFacts>, RegExp, string])[])
  t.test(`pressure: ${name}`, async t => {
    const entry = pressure(facts(over))
    t.match(entry.msg, want)
    t.equal(entry.level, level)
  })

t.test('pressure: suspects are rounded to MB', async t =>
  t.strictSame(pressure(facts({ cause: part('heap'), suspects: [LEAK] })).fields.suspects, [
    { site: 'leak (/a.js:1)', MB: 50 },
  ]),
)

t.test('pressure-eased', async t => {
  const told = sample({ usageBytes: mbToBytes(12) })
  t.match(pressureEased('heap', mbToBytes(10), mbToBytes(100), sample({})), {
    level: 'info',
    msg: 'The JS heap is back at 10 MB of 100 MB (10.0 %).',
    fields: { resource: 'heap' },
  })
  t.match(pressureEased('container', mbToBytes(10), mbToBytes(100), told), {
    msg: 'The container is back at 10 MB of 100 MB (10.0 %).',
  })
  t.match(pressureEased('container', mbToBytes(10), mbToBytes(100), sample({})), {
    msg: "This process's RSS (the container's usage cannot be read) is back at 10 MB of the container's 100 MB (10.0 %).",
  })
})

const VERDICT_FACTS = { nodeVersion: 'v24.21.0', warnPercent: 85 }
for (const [name, from, to, verdict, want] of [
  [
    'smaller, and it no longer fits',
    512,
    256,
    { kind: 'exceeds', overBytes: mbToBytes(170) },
    {
      level: 'warn',
      msg: /from 512 MB to 256 MB\. V8's heap limit 387 MB is 151\.2 % of 256 MB: above 85 %/,
      fields: { fromMB: 512, containerMemoryMB: 256, verdict: 'exceeds' },
    },
  ],
  [
    'larger',
    512,
    1024,
    { kind: 'fits', spareBytes: mbToBytes(637) },
    { level: 'info', msg: /of 1024 MB: it fits\./, fields: { fromMB: 512, containerMemoryMB: 1024, verdict: 'fits' } },
  ],
  [
    'none any more',
    512,
    undefined,
    { kind: 'fits', spareBytes: mbToBytes(1) },
    {
      level: 'info',
      msg: /from 512 MB to none\.$/,
      fields: { fromMB: 512, containerMemoryMB: undefined, verdict: undefined },
    },
  ],
  [
    'a first one',
    undefined,
    512,
    { kind: 'tight', spareBytes: mbToBytes(1), neededBytes: mbToBytes(64) },
    { level: 'warn', msg: /from none to 512 MB/, fields: { fromMB: undefined } },
  ],
] as const)
  t.test(`limit-changed: ${name}`, async t => {
    const kernelLimit: ContainerLimit =
      to === undefined ? { kind: 'unlimited', reason: 'max' } : { ...KERNEL, limitBytes: mbToBytes(to) }
    const fromBytes = from === undefined ? undefined : mbToBytes(from)
    t.match(limitChanged(fromBytes, budget({ kernelLimit }), verdict, VERDICT_FACTS), {
      event: 'limit-changed',
      ...want,
    })
  })

t.test('oom-kill: one or more, by name where they were seen before', async t => {
  t.match(oomKill(1, [{ pid: 9, name: 'chrome', rssBytes: mbToBytes(300) }]), {
    level: 'error',
    event: 'oom-kill',
    msg: /killed a process .* No longer there: chrome \(pid 9\), last seen with 300 MB\.$/,
    fields: { count: 1 },
  })
  t.match(oomKill(2, []), { msg: /killed 2 processes .* Which it was is not known\.$/, fields: { count: 2 } })
})

t.test('what V8 is not asked for is said once, with why', async t =>
  t.match(heapIsBounded(new Error('the app has replaced a function of node:v8')), {
    level: 'warn',
    event: 'evidence-problem',
    msg: 'How much of the heap is old is not known (the app has replaced a function of node:v8): until it is, all of it less the largest young generation counts, so heap pressure may be told late.',
    fields: { what: 'heap', reason: 'the app has replaced a function of node:v8' },
  }),
)

t.test('evidence-problem', async t =>
  t.match(evidenceProblem('heap profile', Object.assign(new Error('x'), { code: 'EROFS' })), {
    level: 'warn',
    fields: { what: 'heap profile', reason: 'EROFS' },
  }),
)

for (const [code, isTaken, level, text] of [
  [
    'EADDRINUSE',
    true,
    'info',
    /^127\.0\.0\.1:9464 is taken, so this process serves no metrics: .* again each minute\.$/,
  ],
  ['EACCES', false, 'warn', /^The metrics cannot be served at 127\.0\.0\.1:9464 \(EACCES\)\.$/],
] as const)
  t.test(`metrics that cannot be served: ${code}`, async t =>
    t.match(metricsProblem('127.0.0.1:9464', Object.assign(new Error('x'), { code }), isTaken), {
      level,
      event: 'evidence-problem',
      msg: text,
      fields: { what: 'metrics', reason: code },
    }),
  )

t.test('last words', async t => {
  const stamp = { time: '2026-01-02T03:04:05.678Z', pid: 7 }
  t.match(
    lastWordsOf(pressure(facts({})), stamp),
    /^heapguard, 2026-01-02T03:04:05\.678Z, pid 7 \(warning\): The container holds/,
  )
  t.match(lastWordsOf(pressure(facts({ rung: 'critical' })), stamp), /\(critical\): /)
  t.match(lastWordsOf(pressure(facts({ sample: sample({}) })), stamp), /\(warning\): This process's RSS \(the/)
})

t.test('draining, and nobody who would', async t => {
  t.match(draining('SIGTERM'), { level: 'warn', event: 'draining', fields: { signal: 'SIGTERM' }, msg: /SIGTERM now/ })
  t.match(nobodyDrains('SIGTERM'), {
    level: 'warn',
    event: 'evidence-problem',
    fields: { what: 'drain', reason: 'the app does not listen to SIGTERM' },
    msg: /so it is not sent/,
  })
})
