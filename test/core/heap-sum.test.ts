import t from 'tap'
import { type HeapSumFacts, heapSumOf, type Neighbour, workerHeapLimit } from '../../preload/core/heap-sum.ts'
import { bytesToMB, mbToBytes, millis } from '../../preload/core/units.ts'

const words = (...list: readonly string[]): string => list.map(word => `${word}\0`).join('')
const neighbour = (pid: number, commandLine: string, nodeOptions?: string, stat?: string): Neighbour => ({
  pid,
  commandLine,
  nodeOptions,
  stat,
})
/** /proc/<pid>/stat of a process that began so long after the machine; its name is no help to anybody. */
const stat = (pid: number, parentPid: number, startS: number): string =>
  `${pid} (a) S 0 (b) S ${parentPid} ${'1 '.repeat(17)}${startS * 100} 1 1`
const app = (pid: number, parentPid: number, startS: number): Neighbour =>
  neighbour(pid, words('node', 'x.js'), undefined, stat(pid, parentPid, startS))
const shell = (pid: number, parentPid: number): Neighbour =>
  neighbour(pid, words('sh', '-c', 'node x.js'), undefined, stat(pid, parentPid, 100))
const facts = (over: Partial<HeapSumFacts>): HeapSumFacts => ({
  ownPid: 1,
  ownUptimeMs: millis(60_000),
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

// This process is 60 s old, and began 100 s after the machine. Each has a heap limit of 387 MB.
for (const [name, ownPid, neighbours, processes, lasting] of [
  ['a child of two seconds', 1, [app(1, 0, 100), app(7, 1, 158)], 2, 2],
  ['a younger one: soon again', 1, [app(1, 0, 100), app(7, 1, 158.01)], 2, 1],
  ['an older process', 7, [app(1, 0, 40), app(7, 1, 100)], 2, 2],
  ['two children, one of them young', 1, [app(1, 0, 100), app(7, 1, 130), app(8, 1, 159)], 3, 2],
  ['a health check, by exec into the container', 1, [app(1, 0, 100), app(9, 0, 120)], 1, 1],
  ['a health check by a shell', 1, [app(1, 0, 100), shell(8, 0), app(9, 8, 120)], 1, 1],
  ['a child of the first process by a shell', 1, [app(1, 0, 100), shell(8, 1), app(9, 8, 120)], 2, 2],
  ['this one came by exec itself, and has a child', 20, [app(1, 0, 10), app(20, 0, 100), app(21, 20, 110)], 3, 3],
  ['a parent that cannot be seen', 1, [app(1, 0, 100), app(9, 5, 120)], 2, 2],
  ['its own start cannot be read', 1, [neighbour(1, words('node')), app(9, 1, 159.9)], 2, 2],
] as const)
  t.test(`who is counted: ${name}`, async t => {
    const sum = heapSumOf(facts({ ownPid, neighbours }))
    t.strictSame(
      [sum.processes, bytesToMB(sum.lastingBytes), sum.isEarly],
      [processes, lasting * 387, lasting < processes],
    )
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
