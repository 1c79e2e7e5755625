import t from 'tap'
import {
  type Beat,
  type FlightHead,
  HEAD_BEGINS,
  kept,
  killsOf,
  newFlightRecord,
  newWatchdogBeats,
  RECORD_LENGTH,
  readFlightRecord,
} from '../../preload/core/flight-record.ts'
import { bytes, millis } from '../../preload/core/units.ts'

const HEAD: FlightHead = {
  run: '20261124T053000123Z-1-9f3a0c',
  pid: 1,
  startTicks: '109084',
  machine: '62cce1b0-96a9-4291-829e-cf28f7fc629c',
  namespace: '4026532187',
  life: '109084',
  seat: '7eb81cc93b375705a384fe963e372b89871ed8b2c802f6bba0f417c26460dac0',
  hostName: '7eb81cc93b37',
  group: '/sys/fs/cgroup/memory',
  version: '0.1.0',
  nodeVersion: 'v24.21.0',
  heapLimitBytes: bytes(405_798_912),
  ceilingBytes: bytes(402_653_184),
}

const BEAT: Beat = {
  atMs: millis(1_795_498_823_123),
  uptimeMs: millis(61_234.5),
  rssBytes: bytes(70_000_000),
  heapTotalBytes: bytes(20_000_000),
  heapUsedBytes: bytes(11_000_000),
  externalBytes: bytes(4_000_000),
  arrayBuffersBytes: bytes(0),
  oldSpaceBytes: bytes(10_000_000),
  usageBytes: bytes(90_000_000),
  workingSetBytes: bytes(50_000_000),
  heldBytes: bytes(45_000_000),
  limitBytes: bytes(536_870_912),
  oomKills: 2,
  heapRung: 'warn',
  containerRung: 'critical',
  signal: 'SIGINT',
  signalAtMs: millis(1_795_498_823_000),
  nextMs: millis(5000),
  isEndUnseen: true,
  end: 'uncaught',
}

const beatAt = (second: number): Beat => ({ ...BEAT, uptimeMs: millis(second * 1000) })
const seconds = (data: Uint8Array): number[] | undefined =>
  readFlightRecord(data)?.beats.map(({ uptimeMs }) => uptimeMs / 1000)

t.test('what was put in comes out', async t => {
  const { image, put } = newFlightRecord(HEAD)
  t.equal(image.length, RECORD_LENGTH)
  t.equal(RECORD_LENGTH, 8192)
  t.strictSame(readFlightRecord(image), { head: HEAD, beats: [] }, 'no beat yet')
  const where = put(BEAT)
  t.strictSame(readFlightRecord(image), { head: HEAD, beats: [BEAT] })
  t.ok(where.offset >= 1024 && where.offset + where.length <= RECORD_LENGTH)
})

const GROUP = { version: 'cgroup-v2', folder: '/sys/fs/cgroup/pod' } as const
for (const [name, head, group, want] of [
  ["the head's group", GROUP, { ...GROUP }, 3],
  ['another group, since the limit moved', GROUP, { ...GROUP, folder: '/sys/fs/cgroup/pod/app' }, undefined],
  ['a first group', undefined, GROUP, undefined],
  ['no group any more', GROUP, undefined, undefined],
] as const)
  t.test(`the oom_kill counter of a beat: ${name}`, async t => t.equal(killsOf(head, group, 3), want))

t.test('what is not known stays unknown', async t => {
  const head = { ...HEAD, machine: undefined, namespace: undefined, life: undefined, seat: undefined, group: undefined }
  const beat: Beat = {
    ...BEAT,
    usageBytes: undefined,
    workingSetBytes: undefined,
    limitBytes: undefined,
    oomKills: undefined,
    heapRung: undefined,
    containerRung: undefined,
    signal: undefined,
    signalAtMs: undefined,
    isEndUnseen: false,
    end: undefined,
  }
  const { image, put } = newFlightRecord(head)
  put(beat)
  t.strictSame(readFlightRecord(image), { head, beats: [beat] })
})

for (const [name, more] of [
  ['zero', { usageBytes: bytes(0), limitBytes: bytes(0), oomKills: 0, atMs: millis(0) }],
  ['SIGTERM, and an end by exit', { signal: 'SIGTERM', end: 'exit' }],
  ['a pause that is longer than 32 bits', { nextMs: millis(0xffffffff) }],
] as const)
  t.test(`a beat: ${name}`, async t => {
    const { image, put } = newFlightRecord(HEAD)
    put({ ...BEAT, ...more })
    t.strictSame(readFlightRecord(image)?.beats, [{ ...BEAT, ...more }])
  })

t.test('a pause beyond 32 bits is cut', async t => {
  const { image, put } = newFlightRecord(HEAD)
  put({ ...BEAT, nextMs: millis(2 ** 40) })
  t.equal(readFlightRecord(image)?.beats[0]?.nextMs, 0xffffffff)
})

t.test('the ring keeps the newest 48, in their order', async t => {
  const { image, put } = newFlightRecord(HEAD)
  for (let second = 1; second <= 100; second++) put(beatAt(second))
  t.strictSame(
    seconds(image),
    Array.from({ length: 48 }, (_, n) => n + 53),
  )
})

t.test('a second thread has slots of its own, and both are read as one', async t => {
  const main = newFlightRecord(HEAD)
  const watchdog = newWatchdogBeats()
  const file = main.image.slice()
  const write = ({ image, put }: typeof main, second: number): void => {
    const { offset, length } = put(beatAt(second))
    file.set(image.subarray(offset, offset + length), offset)
  }
  for (let second = 1; second <= 60; second++) write(main, second)
  for (let second = 61; second <= 80; second++) write(watchdog, second)
  t.strictSame(
    seconds(file),
    Array.from({ length: 56 }, (_, n) => (n < 48 ? n + 13 : n + 25)),
  )
})

t.test('cut at every byte: the slots before the cut can be read, and no other appears', async t => {
  const { image, put } = newFlightRecord(HEAD)
  for (let second = 1; second <= 47; second++) put(beatAt(second))
  const lineEnd = image.indexOf(32, image.indexOf(125))
  for (let length = 0; length <= image.length; length++) {
    const read = readFlightRecord(image.slice(0, length))
    const whole = Math.max(0, Math.floor((length - 1024) / 128))
    // The ring's first slot is the 48th beat's, which was not put.
    const beats = Math.min(47, Math.max(0, whole - 1))
    if (read?.beats.length !== beats || (read?.head !== undefined) !== length >= lineEnd)
      t.fail(`cut at ${length}: ${read?.beats.length} beats, head ${read?.head !== undefined}`)
  }
  t.ok(lineEnd > 300 && lineEnd < 1024, `the head ends at ${lineEnd}`)
})

t.test('a slot that is torn is dropped, the others stay', async t => {
  const { image, put } = newFlightRecord(HEAD)
  put(beatAt(1))
  const { offset } = put(beatAt(2))
  put(beatAt(3))
  for (let at = 0; at < 128; at++) {
    const torn = image.slice()
    torn[offset + at] = (torn[offset + at] as number) ^ 0x40
    if (String(seconds(torn)) !== '1,3') t.fail(`byte ${at}: ${seconds(torn)}`)
  }
  const half = image.slice()
  half.fill(0, offset + 64, offset + 128)
  t.strictSame(seconds(half), [1, 3])
})

t.test('bytes that begin where no number can', async t => {
  const { image, put } = newFlightRecord(HEAD)
  put(BEAT)
  const shifted = new Uint8Array(image.length + 1)
  shifted.set(image, 1)
  t.strictSame(readFlightRecord(shifted.subarray(1))?.beats, [BEAT])
})

t.test('what is no record', async t => {
  const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0))
  t.equal(readFlightRecord(bytesOf('#!/bin/sh\n')), undefined)
  t.equal(readFlightRecord(bytesOf('{"heapguard":2,"run":"x"}')), undefined, 'of another format')
  t.equal(readFlightRecord(new Uint8Array(8192)), undefined, 'zeros')
  t.strictSame(readFlightRecord(new Uint8Array()), { head: undefined, beats: [] }, 'empty: cut at its first byte')
  t.strictSame(readFlightRecord(bytesOf('{"heapguard":1,"pid":"x"}')), { head: undefined, beats: [] })
  t.strictSame(readFlightRecord(bytesOf('{"heapguard":1,"pid":1}')), { head: undefined, beats: [] })
  t.strictSame(readFlightRecord(bytesOf('{"heapguard":1,"run":"a","pid":1,"seat":7}')), { head: undefined, beats: [] })
})

t.test('the longest head fits, in printable ASCII', async t => {
  const long = `\u00e9"\\\n${'x'.repeat(400)}`
  const { image } = newFlightRecord({
    ...HEAD,
    startTicks: long,
    machine: long,
    namespace: long,
    life: long,
    seat: long,
    hostName: long,
    group: long,
    version: long,
    nodeVersion: long,
  })
  const line = String.fromCharCode(...image.subarray(0, 1024))
  t.match(line, /^[ -~]+ \n$/)
  t.ok(line.startsWith(HEAD_BEGINS))
  t.equal(readFlightRecord(image)?.head?.seat, `????${'x'.repeat(176)}`)
  t.equal(kept('abc', 2), 'ab')
  t.equal(kept(undefined, 2), undefined)
})
