// The two numbers as two bars on one scale: what Node would take under what the container has.
import type { Colors } from 'picocolors/types.js'
import { bytesToMB, roundedMB } from '../../preload/core/units.ts'
import type { Judgement } from './diagnosis.ts'

const NAMES = ['heap limit', 'container'] as const
/** Names, numbers and what stands between. */
const AROUND = 26
const MOST_CELLS = 60

/**
 * Two lines; none where the container's memory is not known. The part of the container above the warn share is lighter: a
 * heap that reaches into it is too large.
 */
export function bars(judgement: Judgement, warnPercent: number, columns: number, paint: Colors): readonly string[] {
  const { heapLimitBytes, container } = judgement.budget
  if (judgement.verdict.kind === 'not-known') return []
  const cells = Math.max(10, Math.min(MOST_CELLS, columns - AROUND))
  const [heapMB, containerMB] = [bytesToMB(heapLimitBytes), bytesToMB(container.bytes)]
  const cellsOf = (mb: number) => Math.round((mb / Math.max(heapMB, containerMB)) * cells)
  const [heap, whole] = [cellsOf(heapMB), cellsOf(containerMB)]
  const line = cellsOf((containerMB * warnPercent) / 100)
  const isGood = judgement.verdict.kind === 'fits' || judgement.verdict.kind === 'low'
  const row = (name: string, bar: string, mb: number, length: number) =>
    `${name.padEnd(NAMES[0].length)}  ${bar}${' '.repeat(cells - length)}  ${mb} MB`
  return [
    row(NAMES[0], (isGood ? paint.green : paint.red)('█'.repeat(heap)), roundedMB(heapLimitBytes), heap),
    row(NAMES[1], paint.dim(`${'█'.repeat(line)}${'░'.repeat(whole - line)}`), roundedMB(container.bytes), whole),
  ]
}
