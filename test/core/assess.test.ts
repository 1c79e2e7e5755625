// The verdict, on both sides of each of its boundaries.
import t from 'tap'
import { verdictOf } from '../../preload/core/assess.ts'
import type { ContainerMemorySource, HeapBudget, HeapCeiling } from '../../preload/core/budget.ts'
import { bytes, mbToBytes } from '../../preload/core/units.ts'

interface Given {
  readonly heapLimitBytes: number
  readonly containerMB: number
  readonly from?: ContainerMemorySource
  readonly by?: HeapCeiling['source']
}

const budget = ({ heapLimitBytes, containerMB, from = 'cgroup-v2', by = 'flag' }: Given): HeapBudget => ({
  heapLimitBytes: bytes(heapLimitBytes),
  ceiling: { bytes: bytes(heapLimitBytes), source: by },
  container: { bytes: mbToBytes(containerMB), source: from },
  kernelLimit: { kind: 'unknown', reason: 'not asked here' },
})

const MB = mbToBytes(1)

t.test('the heap limit against the warn line', async t => {
  for (const [name, heapLimitBytes, containerMB, warnPercent, want] of [
    ['384 of 512 fits', 384 * MB, 512, 85, { kind: 'fits', spareBytes: 128 * MB }],
    ['440 of 512 exceeds 85 %', 440 * MB, 512, 85, { kind: 'exceeds', overBytes: 440 * MB - 456_340_275 }],
    ['435.2 of 512 is 85 %, to the byte below it', 456_340_275, 512, 85, { kind: 'fits', spareBytes: 80_530_637 }],
    ['one byte above that exceeds', 456_340_276, 512, 85, { kind: 'exceeds', overBytes: 1 }],
    ['exactly at the line fits', 425 * MB, 500, 85, { kind: 'fits', spareBytes: 75 * MB }],
    ['one byte above the line exceeds', 425 * MB + 1, 500, 85, { kind: 'exceeds', overBytes: 1 }],
    ['a heap larger than the container', 2096 * MB, 512, 50, { kind: 'exceeds', overBytes: 1840 * MB }],
    ['the least line', 5 * MB, 500, 1, { kind: 'fits', spareBytes: 495 * MB }],
    ['just above the least line', 5 * MB + 1, 500, 1, { kind: 'exceeds', overBytes: 1 }],
    ['the greatest line', 97 * 80 * MB, 8000, 97, { kind: 'fits', spareBytes: 240 * MB }],
  ] as const)
    t.strictSame(verdictOf(budget({ heapLimitBytes, containerMB }), warnPercent), want, name)
})

t.test('what is left for everything else', async t => {
  for (const [name, heapMB, containerMB, isolates, want] of [
    ['64 MB are enough', 416, 480, undefined, { kind: 'fits', spareBytes: 64 * MB }],
    ['less is tight', 417, 480, undefined, { kind: 'tight', spareBytes: 63 * MB, neededBytes: 64 * MB }],
    [
      'a small container is tight below the line',
      200,
      256,
      1,
      { kind: 'tight', spareBytes: 56 * MB, neededBytes: 64 * MB },
    ],
    ['each isolate needs its own', 384, 512, 2, { kind: 'fits', spareBytes: 128 * MB }],
    ['a third one makes it tight', 384, 512, 3, { kind: 'tight', spareBytes: 128 * MB, neededBytes: 192 * MB }],
    ['beyond the line it exceeds, whatever is left', 480, 480, 9, { kind: 'exceeds', overBytes: 48 * MB }],
  ] as const) {
    const given = budget({ heapLimitBytes: heapMB * MB, containerMB })
    t.strictSame(verdictOf(given, 90, isolates), want, name)
  }
})

t.test('a container that is hardly used', async t => {
  for (const [name, by, heapLimitBytes, want] of [
    ['half of it is enough', 'heap-size-limit', 2048 * MB, { kind: 'fits', spareBytes: 2048 * MB }],
    ['less is low', 'heap-size-limit', 2048 * MB - 1, { kind: 'low', usableBytes: 2048 * MB - 1 }],
    ['a flag was set on purpose', 'flag', 100 * MB, { kind: 'fits', spareBytes: 3996 * MB }],
    ['so was a percentage', 'percentage-flag', 100 * MB, { kind: 'fits', spareBytes: 3996 * MB }],
    ['and the heap as a whole', 'max-heap-size', 100 * MB, { kind: 'fits', spareBytes: 3996 * MB }],
  ] as const)
    t.strictSame(verdictOf(budget({ heapLimitBytes, containerMB: 4096, by }), 85), want, name)
  const small = budget({ heapLimitBytes: 1048 * MB, containerMB: 4096, by: 'heap-size-limit' })
  t.strictSame(
    verdictOf(small, 85, 60),
    { kind: 'tight', spareBytes: 3048 * MB, neededBytes: 3840 * MB },
    'tight comes first',
  )
})

t.test('an assumed container is only ever exceeded', async t => {
  for (const [name, heapMB, warnPercent, want] of [
    ['above the line', 440, 85, 'exceeds'],
    ['below it', 384, 85, 'fits'],
    ['what is left of an assumption is not judged', 490, 97, 'fits'],
    ['nor how little of it is used', 100, 85, 'fits'],
  ] as const) {
    const given = budget({ heapLimitBytes: heapMB * MB, containerMB: 512, from: 'default', by: 'heap-size-limit' })
    t.equal(verdictOf(given, warnPercent).kind, want, name)
  }
})
