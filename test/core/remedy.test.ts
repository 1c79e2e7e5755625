// The remedy: what it says, and that by the same rules that gave the verdict it fits. Real V8 is asked in
// test/container/remedy.test.ts.
import t from 'tap'
import { verdictOf } from '../../preload/core/assess.ts'
import type { ContainerMemorySource, HeapBudget, HeapCeiling } from '../../preload/core/budget.ts'
import { youngGenerationMB } from '../../preload/core/heap-size.ts'
import { type RemedyFacts, remedyFor } from '../../preload/core/remedy.ts'
import { mbToBytes } from '../../preload/core/units.ts'

interface Given {
  readonly containerMB: number
  readonly heapLimitMB: number
  readonly oldSpaceMB?: number
  readonly by?: HeapCeiling['source']
  readonly seenMB?: number
  readonly from?: ContainerMemorySource
}

function budget({ containerMB, heapLimitMB, oldSpaceMB, by, seenMB, from = 'cgroup-v2' }: Given): HeapBudget {
  return {
    heapLimitBytes: mbToBytes(heapLimitMB),
    ceiling:
      oldSpaceMB === undefined
        ? { bytes: mbToBytes(heapLimitMB), source: by ?? 'heap-size-limit' }
        : { bytes: mbToBytes(oldSpaceMB), source: by ?? 'flag' },
    container: { bytes: mbToBytes(containerMB), source: from },
    kernelLimit: { kind: 'unknown', reason: 'not asked here' },
    ...(seenMB === undefined ? {} : { nodeSeesBytes: mbToBytes(seenMB) }),
  }
}

const remedyOf = (given: Given, facts: Partial<RemedyFacts> = {}) => {
  const all = { nodeVersion: 'v24.21.0', warnPercent: 85, ...facts }
  return remedyFor(budget(given), verdictOf(budget(given), all.warnPercent, all.isolates), all)
}

const NONE = { kind: 'none' }
const flags = (oldSpaceMB: number, semiSpaceMB?: number) => ({
  kind: 'flags',
  flags: `--max-old-space-size=${oldSpaceMB}${semiSpaceMB === undefined ? '' : ` --max-semi-space-size=${semiSpaceMB}`}`,
  oldSpaceMB,
})
const larger = (leastMB: number) => ({ kind: 'larger-container', leastMB })

t.test('what it says', async t => {
  for (const [name, given, facts, want] of [
    ['fits needs none', { containerMB: 512, heapLimitMB: 387, oldSpaceMB: 384 }, {}, NONE],
    ['three quarters of the container', { containerMB: 512, heapLimitMB: 503, oldSpaceMB: 500 }, {}, flags(384)],
    ['of a round container a round number', { containerMB: 1000, heapLimitMB: 998, oldSpaceMB: 950 }, {}, flags(750)],
    ['V8 chose too much', { containerMB: 256, heapLimitMB: 259 }, {}, flags(188)],
    ['64 MB stay free in a small one', { containerMB: 192, heapLimitMB: 259 }, {}, flags(124)],
    ['tight is answered too', { containerMB: 256, heapLimitMB: 203, oldSpaceMB: 200 }, {}, flags(188)],
    ['the least container', { containerMB: 160, heapLimitMB: 259 }, {}, flags(92)],
    ['below the least container', { containerMB: 159, heapLimitMB: 259 }, {}, larger(160)],
    ['far below it', { containerMB: 64, heapLimitMB: 259 }, {}, larger(160)],
    ['low is raised', { containerMB: 8192, heapLimitMB: 2240 }, {}, flags(6144)],
    [
      'low is raised as far as the warn line lets it',
      { containerMB: 8192, heapLimitMB: 2240 },
      { warnPercent: 40 },
      flags(3084),
    ],
    [
      'low stays where the warn line lets it no higher',
      { containerMB: 8000, heapLimitMB: 2240 },
      { warnPercent: 28 },
      NONE,
    ],
    ['a low warn line', { containerMB: 1024, heapLimitMB: 560 }, { warnPercent: 20 }, flags(156)],
    ['a warn line that leaves no heap', { containerMB: 256, heapLimitMB: 259 }, { warnPercent: 20 }, larger(352)],
    ['the lowest warn line', { containerMB: 512, heapLimitMB: 259 }, { warnPercent: 1 }, larger(25_600)],
    [
      'a small container, where any heap is wanted',
      { containerMB: 128, heapLimitMB: 259 },
      { leastOldSpaceMB: 32 },
      flags(60),
    ],
    ['the smallest of them', { containerMB: 99, heapLimitMB: 259 }, { leastOldSpaceMB: 32 }, flags(32)],
    ['below it a larger one is named', { containerMB: 98, heapLimitMB: 259 }, { leastOldSpaceMB: 32 }, larger(160)],
    ['workers', { containerMB: 512, heapLimitMB: 387, oldSpaceMB: 384 }, { isolates: 3 }, flags(316)],
    ['too many workers', { containerMB: 512, heapLimitMB: 387, oldSpaceMB: 384 }, { isolates: 8 }, larger(640)],
    [
      'another share than three quarters',
      { containerMB: 1024, heapLimitMB: 1000, oldSpaceMB: 952 },
      { heapPercent: 50 },
      flags(512),
    ],
    ['Node sees the machine', { containerMB: 512, heapLimitMB: 4288, seenMB: 24_105 }, {}, flags(384, 1)],
    [
      'Node 26 sees the machine',
      { containerMB: 512, heapLimitMB: 4192, seenMB: 24_105 },
      { nodeVersion: 'v26.10.0' },
      flags(384, 4),
    ],
    [
      'Node sees the machine and has room',
      { containerMB: 4096, heapLimitMB: 4144, seenMB: 24_105 },
      { nodeVersion: 'v22.23.3' },
      flags(3072),
    ],
    [
      'Node sees the machine, a flag is set',
      { containerMB: 512, heapLimitMB: 632, oldSpaceMB: 440, seenMB: 24_105 },
      {},
      flags(384, 1),
    ],
    [
      'Node sees less than the operator says',
      { containerMB: 1024, heapLimitMB: 953, oldSpaceMB: 950, seenMB: 512 },
      {},
      flags(768),
    ],
    [
      'semi-spaces too large for the container',
      { containerMB: 512, heapLimitMB: 576, oldSpaceMB: 384 },
      {},
      flags(384, 1),
    ],
    ['semi-spaces with room for them', { containerMB: 2048, heapLimitMB: 2092, oldSpaceMB: 1900 }, {}, flags(1536)],
    ['a percentage', { containerMB: 512, heapLimitMB: 489, oldSpaceMB: 486, by: 'percentage-flag' }, {}, flags(384)],
    [
      'the heap as a whole hides what V8 will add',
      { containerMB: 512, heapLimitMB: 500, oldSpaceMB: 452, by: 'max-heap-size' },
      {},
      flags(384, 1),
    ],
    [
      'numbers that cannot be: more old space than heap',
      { containerMB: 512, heapLimitMB: 480, oldSpaceMB: 600 },
      {},
      flags(384, 1),
    ],
    ['an assumed container', { containerMB: 512, heapLimitMB: 2240, from: 'default' }, {}, flags(384, 1)],
  ] as const)
    t.strictSame(remedyOf(given, facts), want, name)
})

t.test('put in force, it fits and is not tight, wherever V8 sees the container or the machine', async t => {
  let asked = 0
  for (const nodeVersion of ['v20.20.2', 'v22.23.3', 'v24.21.0', 'v26.10.0'])
    for (const warnPercent of [1, 5, 20, 50, 75, 85, 97])
      for (const isolates of [1, 4])
        for (let containerMB = 32; containerMB < 20_000; containerMB = Math.ceil(containerMB * 1.07))
          for (const seenMB of [containerMB, 24_105]) {
            const youngMB = youngGenerationMB(seenMB, nodeVersion)
            const given: Given = { containerMB, seenMB, heapLimitMB: containerMB + youngMB, oldSpaceMB: containerMB }
            const remedy = remedyOf(given, { nodeVersion, warnPercent, isolates })
            asked++
            if (remedy.kind === 'larger-container') {
              if (remedy.leastMB > containerMB) continue
              return t.fail(`a container no larger: ${remedy.leastMB} for ${containerMB}`)
            }
            const [, oldSpaceMB, semiSpaceMB] = /size=(\d+)(?:.*size=(\d+))?/.exec(
              remedy.kind === 'flags' ? remedy.flags : '',
            ) ?? ['']
            const addedMB = semiSpaceMB === undefined ? youngMB : 3 * Number(semiSpaceMB)
            const then = budget({ ...given, heapLimitMB: Number(oldSpaceMB) + addedMB, oldSpaceMB: Number(oldSpaceMB) })
            if (verdictOf(then, warnPercent, isolates).kind !== 'fits') {
              return t.fail(
                `${nodeVersion} ${containerMB} ${seenMB} ${warnPercent} ${isolates}: ${JSON.stringify(remedy)}`,
              )
            }
          }
  t.ok(asked > 5000, `${asked} budgets`)
})

t.test('in a container of the size it names, there is a remedy', async t => {
  for (const nodeVersion of ['v20.20.2', 'v22.23.3', 'v24.21.0', 'v26.10.0'])
    for (let warnPercent = 1; warnPercent <= 97; warnPercent++) {
      const facts = { nodeVersion, warnPercent }
      const small = remedyOf({ containerMB: 64, heapLimitMB: 259 }, facts)
      const containerMB = small.kind === 'larger-container' ? small.leastMB : 0
      const youngMB = youngGenerationMB(containerMB, nodeVersion)
      const heap = { containerMB, heapLimitMB: containerMB + youngMB, oldSpaceMB: containerMB }
      if (remedyOf(heap, facts).kind !== 'flags') return t.fail(`${nodeVersion} ${warnPercent} %: ${containerMB}`)
    }
  t.pass('at every warn line')
})
