import t from 'tap'
import type { Beat, FlightHead } from '../../preload/core/flight-record.ts'
import type { Because, Confidence, Death } from '../../preload/core/previous-death.ts'
import { previousDeath } from '../../preload/core/report-death.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'

const HEAD: FlightHead = {
  run: '20261124T053000123Z-1-9f3a0c',
  pid: 1,
  startTicks: '1',
  machine: undefined,
  namespace: undefined,
  life: undefined,
  seat: undefined,
  hostName: 'web-7d9f',
  group: undefined,
  version: '0.1.0',
  nodeVersion: 'v24.21.0',
  heapLimitBytes: mbToBytes(387),
  ceilingBytes: mbToBytes(384),
}
const LAST: Beat = {
  atMs: millis(1_795_498_823_123),
  uptimeMs: millis(61_234),
  rssBytes: mbToBytes(70),
  heapTotalBytes: mbToBytes(20),
  heapUsedBytes: mbToBytes(11),
  externalBytes: mbToBytes(4),
  arrayBuffersBytes: mbToBytes(0.1),
  oldSpaceBytes: mbToBytes(10),
  usageBytes: mbToBytes(90),
  workingSetBytes: mbToBytes(64),
  heldBytes: mbToBytes(45),
  limitBytes: mbToBytes(512),
  oomKills: undefined,
  heapRung: undefined,
  containerRung: undefined,
  signal: undefined,
  signalAtMs: undefined,
  nextMs: millis(1000),
  isEndUnseen: false,
  end: undefined,
}
const standing = (resource: 'heap' | 'container', perMs?: number, isSteady = true) =>
  ({
    resource,
    levelBytes: mbToBytes(246.4),
    limitBytes: mbToBytes(256),
    growth: perMs === undefined ? undefined : { perMs, isSteady },
    share: 1,
    isNear: 'likely',
  }) as const

const say = (death: Death, confidence: Confidence, because: Because, last: Beat | undefined = LAST, head = HEAD) =>
  previousDeath({
    verdict: { kind: 'death', death, confidence, because, last },
    run: HEAD.run,
    pid: 1,
    head,
    lastSeen: '2026-11-24T05:40:23.123Z',
  })

const RISE = mbToBytes(15) / 1000
const SENTENCES: readonly (readonly [Death, Confidence, Because, string, 'error' | 'warn'])[] = [
  [
    'v8-heap-limit',
    'certain',
    { kind: 'heap-report' },
    'V8 ended it at its heap limit: its report of a full heap lies beside the record. Find what keeps these objects, or give heap and container more.',
    'error',
  ],
  [
    'v8-heap-limit',
    'likely',
    { kind: 'level', standing: standing('heap', RISE), afterSignal: false },
    'Most likely V8 ended it at its heap limit: the JS heap held 246.4 MB of 256 MB (96.3 %) at the last look, growing by 15 MB a second. Find what keeps these objects, or give heap and container more.',
    'error',
  ],
  [
    'kernel-oom',
    'possible',
    { kind: 'level', standing: standing('container', RISE, false), afterSignal: true },
    'Possibly the kernel killed it for want of memory: the container held 246.4 MB of 256 MB (96.3 %) at the last look, but it had been told to stop, and may have been killed for that. See what grew in its pressure and memory lines, or give the container more.',
    'error',
  ],
  [
    'kernel-oom',
    'certain',
    { kind: 'counter', kills: 1, standing: standing('container') },
    'The kernel killed it for want of memory: the oom_kill counter of its group rose by one since its last look, and the container held 246.4 MB of 256 MB (96.3 %) at the last look. See what grew in its pressure and memory lines, or give the container more.',
    'error',
  ],
  [
    'kernel-oom',
    'likely',
    { kind: 'counter', kills: 2, standing: undefined },
    'Most likely the kernel killed it for want of memory: the oom_kill counter of its group rose by 2 since its last look. See what grew in its pressure and memory lines, or give the container more.',
    'error',
  ],
  [
    'kernel-oom',
    'likely',
    { kind: 'level', standing: standing('container', -RISE), afterSignal: false },
    'Most likely the kernel killed it for want of memory: the container held 246.4 MB of 256 MB (96.3 %) at the last look. See what grew in its pressure and memory lines, or give the container more.',
    'error',
  ],
  [
    'stopped-from-outside',
    'likely',
    { kind: 'signal', signal: 'SIGTERM', livedOnMs: millis(9950) },
    'Most likely it was stopped from outside, and killed when its time was over: SIGTERM had arrived, it lived for 10 s more at least, and memory was not short. End sooner after the signal, or lengthen the grace period.',
    'warn',
  ],
  [
    'stopped-from-outside',
    'likely',
    { kind: 'signal', signal: 'SIGTERM', livedOnMs: millis(99) },
    'Most likely it was stopped from outside, and killed when its time was over: SIGTERM had arrived just before its last look, and memory was not short. End sooner after the signal, or lengthen the grace period.',
    'warn',
  ],
  [
    'stopped-from-outside',
    'likely',
    { kind: 'signal', signal: 'SIGTERM', livedOnMs: millis(100) },
    'Most likely it was stopped from outside, and killed when its time was over: SIGTERM had arrived, it lived for 0.1 s more at least, and memory was not short. End sooner after the signal, or lengthen the grace period.',
    'warn',
  ],
  [
    'killed-from-outside',
    'likely',
    { kind: 'machine' },
    'Most likely it was killed from outside: the machine was started anew since, and memory was not short.',
    'warn',
  ],
  [
    'killed-from-outside',
    'possible',
    { kind: 'calm' },
    'Possibly it was killed from outside: memory was not short at the last look. A SIGKILL, a signal that the app does not handle, a crash in native code (abort, SIGSEGV), a lost machine, and an allocation within one turn of the event loop all look like this.',
    'warn',
  ],
  [
    'crash',
    'certain',
    { kind: 'uncaught' },
    'It crashed: an exception that nothing caught; what it was stands in its own last lines.',
    'warn',
  ],
  [
    'not-known',
    'possible',
    { kind: 'unreadable' },
    'What it died of is not known: its record holds nothing that can be read.',
    'warn',
  ],
]

for (const [death, confidence, because, sentence, level] of SENTENCES)
  t.test(`${death}, ${confidence}, ${because.kind}`, async t => {
    const entry = say(death, confidence, because)
    t.equal(
      entry.msg,
      `An earlier run (pid 1 on web-7d9f, last seen 2026-11-24T05:40:23.123Z after 61.2 s) did not end in good order. ${sentence}`,
    )
    t.match(entry, { level, event: 'previous-death', fields: { death, confidence } })
  })

t.test('a container whose usage could not be read: judged by RSS, and that is said', async t => {
  const last = { ...LAST, usageBytes: undefined, workingSetBytes: undefined }
  const level = { kind: 'level', standing: standing('container', RISE), afterSignal: false } as const
  const { msg } = say('kernel-oom', 'likely', level, last)
  const want =
    "its RSS (the container's usage could not be read) was 246.4 MB of the container's 256 MB (96.3 %) at the last look, growing by 15 MB a second."
  t.ok(msg.includes(`Most likely the kernel killed it for want of memory: ${want}`), msg)
  const heap = { ...level, standing: standing('heap') }
  t.match(say('v8-heap-limit', 'likely', heap, last).msg, /: the JS heap held 246\.4 MB of 256 MB \(96\.3 %\)/)
})

t.test('the keys: that run’s last sample, and no uptimeS, by which readers would take it for this run’s', async t => {
  t.strictSame(say('not-known', 'possible', { kind: 'unreadable' }).fields, {
    death: 'not-known',
    confidence: 'possible',
    lastSeen: '2026-11-24T05:40:23.123Z',
    run: '20261124T053000123Z-1-9f3a0c',
    hostName: 'web-7d9f',
    rssMB: 70,
    heapTotalMB: 20,
    heapUsedMB: 11,
    externalMB: 4,
    arrayBuffersMB: 0.1,
    heapLimitMB: 387,
    heapCeilingMB: 384,
    heapUsedRatio: 0.029,
    containerUsageMB: 90,
    containerWorkingSetMB: 64,
    containerMemoryMB: 512,
    containerRatio: 0.125,
    runUptimeS: 61.2,
  })
})

t.test('what is not known is absent', async t => {
  const bare = { ...LAST, usageBytes: undefined, workingSetBytes: undefined }
  t.match(say('not-known', 'possible', { kind: 'unreadable' }, bare).fields, {
    containerUsageMB: undefined,
    containerWorkingSetMB: undefined,
    containerRatio: 0.137,
  })
  const usage = { ...LAST, workingSetBytes: undefined }
  t.equal(say('not-known', 'possible', { kind: 'unreadable' }, usage).fields.containerRatio, 0.176)
  const free = { ...LAST, limitBytes: undefined }
  t.match(say('not-known', 'possible', { kind: 'unreadable' }, free).fields, {
    containerMemoryMB: undefined,
    containerRatio: undefined,
  })
  const nothing = previousDeath({
    verdict: {
      kind: 'death',
      death: 'not-known',
      confidence: 'possible',
      because: { kind: 'unreadable' },
      last: undefined,
    },
    run: HEAD.run,
    pid: 7,
    head: undefined,
    lastSeen: '2026-11-24T05:40:23.123Z',
  })
  t.match(nothing.msg, /^An earlier run \(pid 7, last seen 2026-11-24T05:40:23\.123Z\) did not end in good order\. /)
  t.strictSame(
    Object.keys(nothing.fields).filter(key => nothing.fields[key] !== undefined),
    ['death', 'confidence', 'lastSeen', 'run'],
  )
  const headless = previousDeath({
    verdict: {
      kind: 'death',
      death: 'kernel-oom',
      confidence: 'possible',
      because: { kind: 'unreadable' },
      last: LAST,
    },
    run: HEAD.run,
    pid: 7,
    head: undefined,
    lastSeen: '2026-11-24T05:40:23.123Z',
  })
  t.equal(headless.fields.heapLimitMB, undefined)
  t.equal(headless.fields.heapCeilingMB, undefined)
  t.equal(headless.fields.heapUsedRatio, undefined)
  t.equal(headless.fields.rssMB, 70)
  t.equal(headless.fields.containerMemoryMB, 512)
})
