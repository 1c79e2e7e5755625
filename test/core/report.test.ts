import t from 'tap'
import type { Verdict } from '../../preload/core/assess.ts'
import { type BudgetFacts, budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import { type Advice, corrected, heapValidated, sampleFailed, shutdown } from '../../preload/core/report.ts'
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

const validated = (over: { budget?: HeapBudget; verdict?: Verdict }, advice?: Advice) =>
  heapValidated(
    {
      budget: budget(),
      verdict: { kind: 'fits', spareBytes: mbToBytes(125) },
      warnPercent: 85,
      version: '1.2.3',
      nodeVersion: 'v24.21.0',
      isPid1: true,
      ...over,
    },
    advice,
  )

t.test("heap-validated: V8's own report, where HEAPGUARD_DIR is set", async t => {
  const facts = { budget: budget(), verdict: { kind: 'fits', spareBytes: mbToBytes(125) } as const, warnPercent: 85 }
  const more = { version: '1.2.3', nodeVersion: 'v24.21.0', isPid1: true }
  const armed = heapValidated({ ...facts, ...more }, undefined, { bootFields: { reportArmed: true }, bootNote: '' })
  t.equal(armed.fields.reportArmed, true)
  t.match(armed.msg, /not heap\.$/)
  const not = heapValidated({ ...facts, ...more }, undefined, { bootNote: ' It is not.' })
  t.equal(not.fields.reportArmed, undefined)
  t.match(not.msg, /not heap\. It is not\.$/)
})

t.test('heap-validated: it fits', async t =>
  t.strictSame(validated({}), {
    level: 'info',
    event: 'heap-validated',
    msg: "V8's heap limit 387 MB is 75.6 % of the container's 512 MB: it fits (the line is 85 %), with 125 MB for what is not heap.",
    fields: {
      version: '1.2.3',
      nodeVersion: 'v24.21.0',
      isPid1: true,
      heapLimitMB: 387,
      heapLimitSource: undefined,
      heapCeilingMB: 384,
      heapCeilingSource: 'flag',
      containerMemoryMB: 512,
      containerMemorySource: 'cgroup-v2',
      containerMemoryPath: '/sys/fs/cgroup/memory.max',
      heapLimitRatio: 0.756,
      warnRatio: 0.85,
      verdict: 'fits',
      remedy: undefined,
      nodeSeesMB: undefined,
    },
  }),
)

t.test('heap-validated: a limit that was not read says so', async t =>
  t.match(validated({ budget: { ...budget(), heapLimitSource: 'worked-out' } }), {
    fields: { heapLimitMB: 387, heapLimitSource: 'worked-out' },
  }),
)

t.test('heap-validated again: V8 says another limit than was worked out', async t => {
  const facts = { verdict: { kind: 'fits', spareBytes: mbToBytes(125) } as const, warnPercent: 85, isPid1: true }
  const again = heapValidated(
    { ...facts, budget: budget(), version: '1.2.3', nodeVersion: 'v24.21.0' },
    undefined,
    corrected(mbToBytes(432)),
  )
  t.match(again, {
    msg: /not heap\. At the start 432 MB was worked out, and V8 says otherwise\.$/,
    fields: { heapLimitMB: 387, heapLimitSource: 'v8' },
  })
})

t.test('heap-validated: it exceeds, with the advice of the second file', async t =>
  t.match(
    validated(
      { budget: budget({ heapLimitBytes: mbToBytes(463) }), verdict: { kind: 'exceeds', overBytes: mbToBytes(28) } },
      { text: 'too much. Do this.', flags: '--max-old-space-size=384' },
    ),
    {
      level: 'warn',
      msg: "V8's heap limit 463 MB is 90.4 % of the container's 512 MB: too much. Do this.",
      fields: { verdict: 'exceeds', remedy: '--max-old-space-size=384', heapLimitRatio: 0.904 },
    },
  ),
)

t.test('heap-validated: tight is a warning, low is information', async t => {
  const advice = { text: 'so.', flags: undefined }
  const tight = validated({ verdict: { kind: 'tight', spareBytes: mbToBytes(4), neededBytes: mbToBytes(64) } }, advice)
  t.match(tight, { level: 'warn', fields: { verdict: 'tight' } })
  const low = validated({ verdict: { kind: 'low', usableBytes: mbToBytes(100) } }, advice)
  t.match(low, { level: 'info', msg: /: so\.$/, fields: { verdict: 'low' } })
  t.equal(low.fields.remedy, undefined, 'the key holds flags and nothing else')
})

t.test('heap-validated: without the second file the verdict still stands', async t =>
  t.match(validated({ verdict: { kind: 'low', usableBytes: mbToBytes(1) } }).msg, /512 MB: low\.$/),
)

t.test('heap-validated: what is assumed is said to be assumed, with the reason and the variable', async t => {
  const unknown = budget({
    kernelLimit: { kind: 'unlimited', reason: 'no cgroup sets a limit' },
    nodeSeesBytes: mbToBytes(24_000),
  })
  const entry = validated({ budget: unknown })
  t.match(entry, {
    msg: /of an assumed 512 MB.*not known \(no cgroup sets a limit\), 512 MB is assumed: set CONTAINER_MEMORY_MB/,
    fields: { containerMemorySource: 'default', nodeSeesMB: 24_000 },
  })
  t.equal(entry.fields.containerMemoryPath, undefined)
})

t.test('heap-validated: a soft limit is told', async t => {
  const soft = { limitBytes: mbToBytes(450), path: '/sys/fs/cgroup/memory.high' }
  const note = /From 450 MB on the kernel slows the container down \(\/sys\/fs\/cgroup\/memory\.high\)\.$/
  t.match(validated({ budget: budget({ kernelLimit: { ...KERNEL, soft } }) }).msg, note)
  t.match(validated({ budget: budget({ kernelLimit: { kind: 'unlimited', reason: '', soft } }) }).msg, note)
  t.notMatch(validated({ budget: budget({ kernelLimit: { kind: 'unknown', reason: '' } }) }).msg, /slows/)
})

t.test('shutdown', async t => {
  const end = {
    reason: 'exit',
    exitCode: 7,
    peakRssBytes: mbToBytes(99),
    peakHeapUsedBytes: mbToBytes(50),
    uptimeMs: millis(1500),
  } as const
  t.strictSame(shutdown(end), {
    level: 'info',
    event: 'shutdown',
    msg: 'The process ends with code 7; at most RSS 99 MB and heap 50 MB in 1.5 s.',
    fields: { reason: 'exit', exitCode: 7, peakRssMB: 99, peakHeapUsedMB: 50, uptimeS: 1.5 },
  })
  t.match(shutdown({ ...end, reason: 'uncaught' }).msg, /after an uncaught exception/)
})

for (const [name, error, reason] of [
  ['a system error: its code', Object.assign(new Error('x'), { code: 'EIO' }), 'EIO'],
  ['another error: its message', new TypeError('no'), 'no'],
  ['a thrown text', 'oops', 'oops'],
  ['nothing at all', undefined, 'undefined'],
] as const)
  t.test(`a failed sample says ${name}`, async t =>
    t.match(sampleFailed(error), { event: 'evidence-problem', level: 'warn', fields: { what: 'sample', reason } }),
  )
