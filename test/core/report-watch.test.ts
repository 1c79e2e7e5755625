import t from 'tap'
import { type BudgetFacts, budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import {
  adviceOn,
  configProblem,
  kernelLimitIsLower,
  memoryLine,
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
