import t from 'tap'
import { budgetOf, type HeapBudget } from '../../preload/core/budget.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import { ladderLimitsOf, oldSpaceCeiling, resized } from '../../preload/core/resize.ts'
import { mbToBytes } from '../../preload/core/units.ts'

const kernel = (mb: number): ContainerLimit => ({
  kind: 'limited',
  limitBytes: mbToBytes(mb),
  source: 'cgroup-v2',
  path: '/sys/fs/cgroup/memory.max',
  confidence: 'high',
})

const budget = (heapLimitMB: number, containerMB: number, flagMB?: number, seenMB = containerMB): HeapBudget =>
  budgetOf({
    heapLimitBytes: mbToBytes(heapLimitMB),
    oldSpaceLimit:
      flagMB === undefined
        ? { kind: 'none' }
        : { kind: 'set', limitBytes: mbToBytes(flagMB), source: 'flag', text: '', from: 'NODE_OPTIONS' },
    kernelLimit: kernel(containerMB),
    operatorMB: undefined,
    nodeSeesBytes: mbToBytes(seenMB),
  })

t.test('a smaller limit', async t => {
  const now = resized(budget(387, 512, 384), kernel(256), undefined)
  t.match(now, {
    container: { bytes: mbToBytes(256), source: 'cgroup-v2' },
    ceiling: { bytes: mbToBytes(384), source: 'flag' },
    heapLimitBytes: mbToBytes(387),
    nodeSeesBytes: mbToBytes(512),
  })
})

t.test("the operator's number stays", async t =>
  t.match(resized(budget(387, 512, 384), kernel(256), 1024), {
    container: { bytes: mbToBytes(1024), source: 'env' },
    kernelLimit: { limitBytes: mbToBytes(256) },
  }),
)

t.test('no limit any more: assumed', async t =>
  t.match(resized(budget(387, 1024, 384), { kind: 'unlimited', reason: 'max' }, undefined), {
    container: { source: 'default' },
  }),
)

for (const [name, given, want] of [
  ['a flag says it', budget(432, 512, 384), 384],
  ['no flag: half of what V8 sees, without the young generation', budget(572, 1024, undefined), 512],
  ['no flag and a large semi-space', budget(2240, 4096, undefined), 2048],
  ['the machine is what it sees', budget(4288, 512, undefined, 24_000), 4096],
  ['a guess that lies above the limit is none', budget(259, 4096, undefined), 259],
  ['a guess far below it is none', budget(1000, 512, undefined), 1000],
] as const)
  t.test(`where V8 gives up: ${name}`, async t => t.equal(oldSpaceCeiling(given), mbToBytes(want)))

t.test("the ladder's limits", async t =>
  t.strictSame(ladderLimitsOf(budget(387, 512, 384), mbToBytes(512), { warnPercent: 85, criticalPercent: 95 }), {
    ceilingBytes: mbToBytes(384),
    containerBytes: mbToBytes(512),
    warnPercent: 85,
    criticalPercent: 95,
  }),
)
