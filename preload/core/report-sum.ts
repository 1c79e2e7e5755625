// The wording of heap-sum, in the second file.
import type { HeapSum } from './heap-sum.ts'
import type { Entry } from './record.ts'
import { mb } from './report.ts'
import { type Bytes, roundedMB } from './units.ts'

/** `heap-sum`: workers or node processes of this container together may fill more than there is. Said once. */
export function heapSumExceeds(
  { isolates, processes, sumBytes }: Pick<HeapSum, 'isolates' | 'processes' | 'sumBytes'>,
  containerBytes: Bytes,
): Entry {
  const who =
    processes === 1
      ? `the main thread and ${isolates - 1} workers`
      : `${processes} node processes with ${isolates} heaps`
  return {
    level: 'warn',
    event: 'heap-sum',
    msg: `The heap limits in this container add up to ${mb(sumBytes)} (${who}), but it has ${mb(containerBytes)}: each may stay within its own limit and the kernel still kill one (exit 137). Give each a smaller --max-old-space-size, start fewer, or enlarge the container.`,
    fields: {
      isolates,
      processes,
      heapLimitSumMB: roundedMB(sumBytes),
      containerMemoryMB: roundedMB(containerBytes),
    },
  }
}
