import t from 'tap'
import { type BudgetFacts, budgetOf, leastKnownLimit, memoryNodeSees } from '../../preload/core/budget.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import { bytes, mbToBytes } from '../../preload/core/units.ts'

const limited = (mb: number): ContainerLimit => ({
  kind: 'limited',
  limitBytes: mbToBytes(mb),
  source: 'cgroup-v2',
  path: '/sys/fs/cgroup/memory.max',
  confidence: 'high',
})
const UNLIMITED: ContainerLimit = { kind: 'unlimited', reason: 'no limit' }
const facts = (over: Partial<BudgetFacts>): BudgetFacts => ({
  heapLimitBytes: mbToBytes(387),
  oldSpaceLimit: { kind: 'none' },
  kernelLimit: UNLIMITED,
  operatorMB: undefined,
  nodeSeesBytes: undefined,
  ...over,
})

for (const [name, over, container, least] of [
  [
    'the kernel says 512 MB',
    { kernelLimit: limited(512) },
    { bytes: mbToBytes(512), source: 'cgroup-v2', path: '/sys/fs/cgroup/memory.max' },
    512,
  ],
  [
    'the operator says 4096 MB beside no limit',
    { operatorMB: 4096 },
    { bytes: mbToBytes(4096), source: 'env', path: 'CONTAINER_MEMORY_MB' },
    4096,
  ],
  [
    'the operator says 1024 MB, the kernel kills at 512 MB',
    { operatorMB: 1024, kernelLimit: limited(512) },
    { bytes: mbToBytes(1024), source: 'env', path: 'CONTAINER_MEMORY_MB' },
    512,
  ],
  [
    'the operator says 256 MB, the kernel kills at 512 MB',
    { operatorMB: 256, kernelLimit: limited(512) },
    { bytes: mbToBytes(256), source: 'env', path: 'CONTAINER_MEMORY_MB' },
    256,
  ],
  ['nobody says anything', {}, { bytes: mbToBytes(512), source: 'default' }, undefined],
  [
    'the files could not be read',
    { kernelLimit: { kind: 'unknown', reason: 'EACCES' } },
    { bytes: mbToBytes(512), source: 'default' },
    undefined,
  ],
] as const)
  t.test(name, async t => {
    const budget = budgetOf(facts(over))
    t.strictSame(budget.container, container)
    t.equal(leastKnownLimit(budget), least === undefined ? undefined : mbToBytes(least), 'the limit of the watch')
  })

t.test('the ceiling is the old-space limit where a flag sets it', async t => {
  const oldSpaceLimit = {
    kind: 'set',
    limitBytes: mbToBytes(384),
    source: 'flag',
    text: '--max-old-space-size=384',
    from: 'NODE_OPTIONS',
  } as const
  t.strictSame(budgetOf(facts({ oldSpaceLimit })).ceiling, { bytes: mbToBytes(384), source: 'flag' })
})

t.test('without a flag the ceiling is heap_size_limit', async t =>
  t.strictSame(budgetOf(facts({})).ceiling, { bytes: mbToBytes(387), source: 'heap-size-limit' }),
)

t.test('what Node sees is told where it differs from the container, and only there', async t => {
  const kernelLimit = limited(512)
  t.equal(budgetOf(facts({ kernelLimit, nodeSeesBytes: mbToBytes(24_000) })).nodeSeesBytes, mbToBytes(24_000))
  t.notOk('nodeSeesBytes' in budgetOf(facts({ kernelLimit, nodeSeesBytes: mbToBytes(512) })))
  t.notOk('nodeSeesBytes' in budgetOf(facts({ kernelLimit })))
})

const MACHINE = mbToBytes(24_000)
for (const [name, constrained, machine, seen] of [
  ['a limit of its own', mbToBytes(512), MACHINE, mbToBytes(512)],
  ['no limit (0)', 0, MACHINE, MACHINE],
  ['no limit (a Node without the call)', undefined, MACHINE, MACHINE],
  ['no limit, as cgroup v1 writes it', 2 ** 63, MACHINE, MACHINE],
  ['a limit of exactly the machine', MACHINE, MACHINE, MACHINE],
  ['one byte less than the machine', MACHINE - 1, MACHINE, MACHINE - 1],
  ['nothing is known', 0, bytes(2 ** 52), undefined],
] as const)
  t.test(`what V8 sized itself by: ${name}`, async t => t.equal(memoryNodeSees(constrained, machine), seen))
