import t from 'tap'
import {
  availableIn,
  planSnapshot,
  snapshotBegins,
  snapshotRefused,
  snapshotWritten,
} from '../../preload/core/snapshot.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'

const mb = (value: number | undefined) => (value === undefined ? undefined : mbToBytes(value))
const WRITE = { kind: 'write' }

for (const [name, heap, limit, held, available, disk, want] of [
  ['exactly twenty times the heap is enough', 10, 300, 100, 1000, 1000, WRITE],
  [
    'one MB less is not',
    10,
    299,
    100,
    1000,
    1000,
    /^it may take 20 times the heap's 10 MB, 200 MB, and the container has 199 MB left$/,
  ],
  ['the machine has less than the container', 10, 3000, 100, 199, 1000, /the machine has 199 MB left$/],
  ['the machine has just enough', 10, 3000, 100, 200, 1000, WRITE],
  ['no limit: the machine counts', 10, undefined, 0, 200, 1000, WRITE],
  ['no limit, and the machine has too little', 10, undefined, 0, 199, 1000, /the machine has 199 MB left$/],
  ['the machine does not tell: the container counts', 10, 300, 100, undefined, 1000, WRITE],
  ['more is held than the limit', 10, 100, 120, 1000, 1000, /the container has 0 MB left$/],
  ['nothing is known', 10, undefined, 0, undefined, 1000, /cannot be told/],
  ['the disk has just enough', 10, 300, 100, 1000, 30, WRITE],
  [
    'the disk has one MB too little',
    10,
    300,
    100,
    1000,
    29,
    /^the file may take 3 times the heap's 10 MB, 30 MB, and its disk has 29 MB left$/,
  ],
  ['the disk is full', 10, 300, 100, 1000, 0, /0 MB left/],
  ['the disk does not tell', 10, 300, 100, 1000, undefined, WRITE],
] as const)
  t.test(`heap snapshot: ${name}`, async t => {
    const container = limit === undefined ? undefined : { limitBytes: mbToBytes(limit), heldBytes: mbToBytes(held) }
    const plan = planSnapshot({
      heapUsedBytes: mbToBytes(heap),
      container,
      availableBytes: mb(available),
      diskBytes: mb(disk),
    })
    if (want === WRITE) t.strictSame(plan, WRITE)
    else t.match(plan, { kind: 'refuse', reason: want })
  })

for (const [name, text, want] of [
  ['as the kernel prints it', 'MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:    2048 kB\n', 2_097_152],
  ['nothing is left', 'MemAvailable:    0 kB\n', 0],
  ['an old kernel', 'MemTotal:  8000 kB\n', undefined],
  ['no number', 'MemAvailable:    much kB\n', undefined],
  ['no file', undefined, undefined],
] as const)
  t.test(`MemAvailable: ${name}`, async t => t.equal(availableIn(text), want))

t.test('what is said of it', async t => {
  t.match(snapshotRefused('no room'), {
    level: 'warn',
    event: 'evidence-problem',
    msg: 'No heap snapshot is written: no room. It is not tried again.',
    fields: { what: 'heap snapshot', reason: 'no room' },
  })
  t.match(snapshotBegins('/e/x'), { level: 'info', msg: /to \/e\/x .* stands still .* holds everything/ })
  t.match(snapshotWritten('/e/x', bytes(1_572_864), millis(2340)), {
    level: 'info',
    event: 'evidence-problem',
    msg: 'The heap snapshot is written: /e/x, 1.5 MB. The app stood still for 2.3 s.',
    fields: { what: 'heap snapshot', reason: 'written' },
  })
})
