import t from 'tap'
import { type HeapSumFacts, heapSumOf, type Neighbour, workerHeapLimit } from '../../preload/core/heap-sum.ts'
import { bytesToMB, mbToBytes } from '../../preload/core/units.ts'

const words = (...list: readonly string[]): string => list.map(word => `${word}\0`).join('')
const neighbour = (pid: number, commandLine: string, nodeOptions?: string): Neighbour => ({
  pid,
  commandLine,
  nodeOptions,
})
const facts = (over: Partial<HeapSumFacts>): HeapSumFacts => ({
  ownPid: 1,
  ownHeapLimitBytes: mbToBytes(387),
  ownOldSpaceBytes: undefined,
  workerHeapLimits: [],
  neighbours: [],
  nodeVersion: 'v24.21.0',
  memoryNodeSeesBytes: mbToBytes(512),
  ...over,
})

for (const [name, over, want] of [
  ['alone', {}, [1, 1, 387, true]],
  ['itself in the list counts once', { neighbours: [neighbour(1, words('node', 'a.js'))] }, [1, 1, 387, true]],
  ['two workers', { workerHeapLimits: [mbToBytes(387), mbToBytes(50)] }, [3, 1, 824, true]],
  [
    'a child with the flags of NODE_OPTIONS',
    { neighbours: [neighbour(7, words('/usr/local/bin/node', 'child.js'), '--max-old-space-size=384')] },
    [2, 2, 774, true],
  ],
  [
    'a child with the same flag: as V8 chose here, whatever memory it sees',
    {
      ownOldSpaceBytes: mbToBytes(384),
      memoryNodeSeesBytes: mbToBytes(24_000),
      neighbours: [neighbour(7, words('node', 'child.js'), '--max-old-space-size=384')],
    },
    [2, 2, 774, true],
  ],
  [
    'a child with a flag of its own, which wins',
    {
      neighbours: [
        neighbour(
          7,
          words('node', '--max-old-space-size=100', 'child.js', '--max-old-space-size=9'),
          '--max-old-space-size=384',
        ),
      ],
    },
    [2, 2, 490, true],
  ],
  [
    'a child without flags: as V8 chose here',
    { neighbours: [neighbour(7, words('node', '-e', '0'))] },
    [2, 2, 774, true],
  ],
  [
    'a child without a script',
    { neighbours: [neighbour(7, words('node', '--max-old-space-size=64'))] },
    [2, 2, 454, true],
  ],
  [
    'a guarded neighbour with a lower pid speaks',
    { ownPid: 9, neighbours: [neighbour(7, words('nodejs', 'x'), '--require /opt/heapguard/preload.js')] },
    [2, 2, 774, false],
  ],
  [
    'one without the guard does not',
    { ownPid: 9, neighbours: [neighbour(7, words('nodejs', 'x'))] },
    [2, 2, 774, true],
  ],
  [
    'what is not node, is gone, or is a package manager does not count',
    {
      ownPid: 30,
      neighbours: [
        neighbour(1, words('/usr/local/bin/node', '/usr/local/bin/npm', 'start')),
        neighbour(7, words('sh', '-c', 'node server.js')),
        neighbour(8, ''),
        neighbour(9, words('/srv/node-exporter')),
      ],
    },
    [1, 1, 387, true],
  ],
  [
    'where nothing is known of the memory, the widest young generation is counted',
    { memoryNodeSeesBytes: undefined, neighbours: [neighbour(7, words('node', 'x'), '--max-old-space-size=384')] },
    [2, 2, 387 + 384 + 192, true],
  ],
] as const)
  t.test(name, async t => {
    const { isolates, processes, sumBytes, isSpeaker } = heapSumOf(facts(over))
    t.strictSame([isolates, processes, bytesToMB(sumBytes), isSpeaker], want)
  })

for (const [name, asked, hasFlag, mb] of [
  ['nothing asked', undefined, false, 387],
  ['nothing asked, as Node writes it', -1, false, 387],
  ['0', 0, false, 387],
  ['50 MB asked', 50, false, 50],
  ['50 MB asked beside a flag, which wins', 50, true, 387],
] as const)
  t.test(`a worker's limit: ${name}`, async t =>
    t.equal(bytesToMB(workerHeapLimit(asked, mbToBytes(387), hasFlag)), mb),
  )
