import t from 'tap'
import { type FlightHead, newFlightRecord, readFlightRecord } from '../../preload/core/flight-record.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import { openBeats, type SeenBeat } from '../../preload/watchdog/beats.ts'

const HEAD: FlightHead = {
  run: 'r',
  pid: 1,
  startTicks: '1',
  machine: 'm',
  namespace: 'n',
  life: '1',
  seat: undefined,
  hostName: 'h',
  group: '/g',
  version: '0.1.0',
  nodeVersion: 'v24.0.0',
  heapLimitBytes: bytes(2),
  ceilingBytes: bytes(1),
}

/** A record in memory, beside whose writer the thread writes; `file` undefined: there is none. */
function beside(file: Uint8Array | undefined = newFlightRecord(HEAD).image) {
  let clock = 0
  let writeMs = 0
  const open = new Set<number>()
  const calls: string[] = []
  const files = {
    openSync: (path: string, flags: number) => {
      calls.push(`open ${path}`)
      if (file === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
      t.equal(flags & 0o100, 0, 'it makes no file')
      open.add(7)
      return 7
    },
    writeSync: (_: number, image: Uint8Array, offset: number, length: number, position: number) => {
      clock += writeMs
      file?.set(image.subarray(offset, offset + length), position)
      return length
    },
    closeSync: (fd: number) => void open.delete(fd),
  }
  const write = openBeats({
    files: files as unknown as Parameters<typeof openBeats>[0]['files'],
    path: '/evidence/record',
    now: () => millis(1_795_000_000_000 + clock),
    uptime: () => millis(clock),
  })
  const seen = (heapRung: SeenBeat['heapRung']): SeenBeat => ({
    uptimeMs: millis(clock),
    rssBytes: mbToBytes(70),
    heapTotalBytes: mbToBytes(20),
    heapUsedBytes: mbToBytes(11),
    externalBytes: mbToBytes(4),
    arrayBuffersBytes: mbToBytes(1),
    oldSpaceBytes: mbToBytes(10),
    usageBytes: mbToBytes(90),
    workingSetBytes: mbToBytes(64),
    heldBytes: mbToBytes(45),
    limitBytes: mbToBytes(512),
    oomKills: 0,
    heapRung,
    containerRung: undefined,
  })
  return {
    calls,
    look: (atMs: number, isNear: boolean, heapRung?: SeenBeat['heapRung']) => {
      clock = Math.max(clock, atMs)
      write(seen(heapRung), isNear)
    },
    slow: (ms: number) => {
      writeMs = ms
    },
    beats: () => readFlightRecord(file ?? new Uint8Array())?.beats,
    isAllClosed: () => open.size === 0,
  }
}

t.test('a look is in the record, beside those of the main thread', async t => {
  const main = newFlightRecord(HEAD)
  const { look, beats, isAllClosed } = beside(main.image)
  look(1000, true, 'warn')
  t.match(beats(), [{ uptimeMs: 1000, heapRung: 'warn', limitBytes: mbToBytes(512), nextMs: 50, signal: undefined }])
  t.ok(isAllClosed())
})

for (const [name, looks, want] of [
  [
    'near a limit: each',
    [
      [50, true],
      [100, true],
      [150, true],
    ],
    [50, 100, 150],
  ],
  [
    'far from one: each five seconds',
    [
      [50, false],
      [5049, false],
      [5050, false],
    ],
    [50, 5050],
  ],
  [
    'a rung newly reached',
    [
      [50, false],
      [100, false, 'warn'],
      [150, false, 'warn'],
      [200, false, 'critical'],
    ],
    [50, 100, 200],
  ],
] as const)
  t.test(`written: ${name}`, async t => {
    const { look, beats } = beside()
    for (const [at, isNear, rung] of looks) look(at, isNear, rung)
    t.strictSame(
      beats()?.map(({ uptimeMs }) => uptimeMs),
      want,
    )
  })

t.test('a slow volume rests, and a rung does not wait for it', async t => {
  const { look, beats, slow } = beside()
  slow(20)
  look(100, true)
  look(2000, true)
  look(2099, true, 'warn')
  look(2150, true, 'warn')
  t.strictSame(
    beats()?.map(({ uptimeMs }) => uptimeMs),
    [100, 2099],
    'twenty milliseconds rest two seconds',
  )
})

t.test('where there is no record it writes nothing and throws nothing, and tries again', async t => {
  const { look, calls } = beside(undefined)
  look(50, true)
  look(100, true)
  t.strictSame(calls, ['open /evidence/record', 'open /evidence/record'])
})
