import t from 'tap'
import { heapSumExceeds } from '../../preload/core/report-sum.ts'
import { mbToBytes } from '../../preload/core/units.ts'

t.test('heap-sum: workers', async t =>
  t.strictSame(heapSumExceeds({ isolates: 3, processes: 1, sumBytes: mbToBytes(1161) }, mbToBytes(512)), {
    level: 'warn',
    event: 'heap-sum',
    msg: 'The heap limits in this container add up to 1161 MB (the main thread and 2 workers), but it has 512 MB: each may stay within its own limit and the kernel still kill one (exit 137). Give each a smaller --max-old-space-size, start fewer, or enlarge the container.',
    fields: { isolates: 3, processes: 1, heapLimitSumMB: 1161, containerMemoryMB: 512 },
  }),
)

t.test('heap-sum: processes', async t =>
  t.match(
    heapSumExceeds({ isolates: 5, processes: 4, sumBytes: mbToBytes(2000) }, mbToBytes(512)).msg,
    /\(4 node processes with 5 heaps\)/,
  ),
)
