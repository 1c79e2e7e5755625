import t from 'tap'
import type { Remedy, Verdict } from '../../preload/core/assess.ts'
import { type BudgetFacts, budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import {
  configProblem,
  heapValidated,
  kernelLimitIsLower,
  memoryLine,
  sampleFailed,
  shutdown,
  signalArrived,
} from '../../preload/core/report.ts'
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

const validated = (over: { budget?: HeapBudget; verdict?: Verdict; remedy?: Remedy }) =>
  heapValidated({
    budget: budget(),
    verdict: { kind: 'fits', spareBytes: mbToBytes(125) },
    remedy: { kind: 'none' },
    warnPercent: 85,
    version: '1.2.3',
    nodeVersion: 'v24.21.0',
    isPid1: true,
    ...over,
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

t.test('heap-validated: it exceeds, with the arithmetic and the remedy', async t =>
  t.match(
    validated({
      budget: budget({ heapLimitBytes: mbToBytes(463) }),
      verdict: { kind: 'exceeds', overBytes: mbToBytes(28) },
      remedy: { kind: 'flags', flags: '--max-old-space-size=384', oldSpaceMB: 384 },
    }),
    {
      level: 'warn',
      msg: /463 MB is 90\.4 % of the container's 512 MB, above 85 %.*exit 137.*put --max-old-space-size=384 in the place of/,
      fields: { verdict: 'exceeds', remedy: '--max-old-space-size=384', heapLimitRatio: 0.904 },
    },
  ),
)

t.test('heap-validated: tight is a warning that counts what is left', async t =>
  t.match(validated({ verdict: { kind: 'tight', spareBytes: mbToBytes(40), neededBytes: mbToBytes(64) } }), {
    level: 'warn',
    msg: /leaves 40 MB .* 64 MB is the least/,
    fields: { verdict: 'tight' },
  }),
)

t.test('heap-validated: low is information', async t =>
  t.match(validated({ verdict: { kind: 'low', usableBytes: mbToBytes(100) } }), {
    level: 'info',
    msg: /no heap flag is set/,
    fields: { verdict: 'low' },
  }),
)

t.test('heap-validated: a container that is too small for any flag', async t => {
  const entry = validated({
    verdict: { kind: 'exceeds', overBytes: mbToBytes(1) },
    remedy: { kind: 'larger-container', leastMB: 160 },
  })
  t.match(entry.msg, /give it 160 MB or more/)
  t.equal(entry.fields.remedy, undefined, 'the key holds flags and nothing else')
})

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
