import t from 'tap'
import type { Beat } from '../../preload/core/flight-record.ts'
import { type Because, judgeDeath, type Remains } from '../../preload/core/previous-death.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'

/** A beat of a container of 256 MB with a ceiling of 128 MB, by default calm. */
export interface Told {
  readonly at?: number
  readonly heapMB?: number
  readonly heldMB?: number
  readonly buffersMB?: number
  readonly limitMB?: number | undefined
  readonly nextMs?: number
  readonly oomKills?: number
  readonly heapRung?: Beat['heapRung']
  readonly containerRung?: Beat['containerRung']
  readonly signal?: Beat['signal']
  readonly signalAt?: number
  readonly isEndUnseen?: boolean
  readonly end?: Beat['end']
}

export const beatOf = (told: Told = {}): Beat => {
  const { at = 60, heapMB = 10, heldMB = 40, buffersMB = 1, nextMs = 1000, oomKills = 0 } = told
  const limitMB = 'limitMB' in told ? told.limitMB : 256
  return {
    atMs: millis(1_795_498_800_000 + at * 1000),
    uptimeMs: millis(at * 1000),
    rssBytes: mbToBytes(heldMB + 30),
    heapTotalBytes: mbToBytes(heapMB + 5),
    heapUsedBytes: mbToBytes(heapMB),
    externalBytes: mbToBytes(2),
    arrayBuffersBytes: mbToBytes(buffersMB),
    oldSpaceBytes: mbToBytes(heapMB),
    usageBytes: mbToBytes(heldMB),
    workingSetBytes: mbToBytes(heldMB),
    heldBytes: mbToBytes(heldMB),
    limitBytes: limitMB === undefined ? undefined : mbToBytes(limitMB),
    oomKills,
    heapRung: told.heapRung,
    containerRung: told.containerRung,
    signal: told.signal,
    signalAtMs: told.signalAt === undefined ? undefined : millis(1_795_498_800_000 + told.signalAt * 1000),
    nextMs: millis(nextMs),
    isEndUnseen: told.isEndUnseen ?? false,
    end: told.end,
  }
}

const remains = (beats: readonly Told[], more: Partial<Remains> = {}): Remains => ({
  beats: beats.map(beatOf),
  ceilingBytes: mbToBytes(128),
  hasHeapReport: false,
  oomKillsNow: undefined,
  isMachineRestarted: false,
  ...more,
})

/** Looks a quarter of a second apart, the last of them at 60 s. */
const climb = (key: 'heapMB' | 'heldMB', ...levels: readonly number[]): Told[] =>
  levels.map((level, n) => ({ at: 60 - (levels.length - 1 - n) / 4, [key]: level, nextMs: 250 }))
const with_ = (told: readonly Told[], more: Told): Told[] => told.map(one => ({ ...one, ...more }))

const CASES: readonly (readonly [string, Remains, string])[] = [
  ['V8’s report lies there', remains([{}], { hasHeapReport: true }), 'v8-heap-limit certain heap-report'],
  ['… even where nothing else can be read', remains([], { hasHeapReport: true }), 'v8-heap-limit certain heap-report'],
  [
    '… and the container was full too',
    remains([{ heldMB: 255 }], { hasHeapReport: true }),
    'v8-heap-limit certain heap-report',
  ],
  ['nothing can be read', remains([]), 'not-known possible unreadable'],
  ['an uncaught exception', remains([{ end: 'uncaught' }]), 'crash certain uncaught'],
  ['an uncaught exception near the limit', remains([{ heldMB: 255, end: 'uncaught' }]), 'crash certain uncaught'],
  ['an end in good order that could not be removed', remains([{ end: 'exit' }]), 'quiet-end'],

  ['the container is just below nearly full', remains([{ heldMB: 243 }]), 'killed-from-outside possible calm'],
  ['the container is nearly full', remains([{ heldMB: 243.2 }]), 'kernel-oom likely level'],
  ['the container is full', remains([{ heldMB: 256 }]), 'kernel-oom likely level'],
  ['the container has no limit', remains([{ heldMB: 9999, limitMB: undefined }]), 'killed-from-outside possible calm'],
  ['the container’s second rung', remains([{ heldMB: 200, containerRung: 'critical' }]), 'kernel-oom likely level'],
  [
    'the container’s first rung, and it stays',
    remains([{ heldMB: 220, containerRung: 'warn' }]),
    'kernel-oom possible level',
  ],
  [
    '… and it rises to the end within two looks',
    remains(with_(climb('heldMB', 196, 208, 220), { containerRung: 'warn' })),
    'kernel-oom likely level',
  ],
  [
    '… and it falls',
    remains(with_(climb('heldMB', 240, 230, 220), { containerRung: 'warn' })),
    'kernel-oom possible level',
  ],
  [
    'a quick climb from half-way, of Buffers',
    remains(with_(climb('heldMB', 60, 110, 160), { buffersMB: 100 })),
    'kernel-oom likely level',
  ],
  // RSS 190 MB, V8's 15 of them: of 175 nobody knows the part, or of 117 and 118 with these Buffers; the heap had 118 left.
  [
    '… of which nobody knows the part: the heap may have been full first',
    remains(climb('heldMB', 60, 110, 160)),
    'kernel-oom possible level',
  ],
  [
    '… and just as much as the heap had left',
    remains(with_(climb('heldMB', 60, 110, 160), { buffersMB: 57 })),
    'kernel-oom possible level',
  ],
  ['… and less than that', remains(with_(climb('heldMB', 60, 110, 160), { buffersMB: 58 })), 'kernel-oom likely level'],
  [
    '… where the ceiling is not known',
    remains(climb('heldMB', 60, 110, 160), { ceilingBytes: undefined }),
    'kernel-oom likely level',
  ],
  ['a quick climb from below half-way', remains(climb('heldMB', 10, 60, 110)), 'kernel-oom possible level'],
  ['half of that', remains(climb('heldMB', 10, 35, 60)), 'killed-from-outside possible calm'],
  ['a quicker one', remains(climb('heldMB', 7, 127)), 'kernel-oom possible level'],
  ['a slow climb', remains(climb('heldMB', 150, 151, 152)), 'killed-from-outside possible calm'],
  [
    'a pause that is long says more',
    remains(with_(climb('heldMB', 10, 35, 60), { nextMs: 1000 })),
    'kernel-oom possible level',
  ],
  ['up and down by turns', remains(climb('heldMB', 160, 100, 160, 100, 160)), 'killed-from-outside possible calm'],

  ['the old space is just below full', remains([{ heapMB: 122.8 }]), 'killed-from-outside possible calm'],
  ['the old space is full', remains([{ heapMB: 122.9 }]), 'v8-heap-limit likely level'],
  [
    'the ceiling is not known',
    remains([{ heapMB: 128 }], { ceilingBytes: undefined }),
    'killed-from-outside possible calm',
  ],
  ['the heap’s second rung', remains([{ heapMB: 100, heapRung: 'critical' }]), 'v8-heap-limit likely level'],
  [
    'a rung that only the other thread knew of',
    remains([
      { at: 59.5, heapMB: 112, heapRung: 'critical' },
      { at: 59.8, heapMB: 114, heapRung: 'warn' },
      { heapMB: 114 },
    ]),
    'v8-heap-limit likely level',
  ],
  [
    'a rung that only the other thread knew of, just within a second',
    remains([{ at: 59.001, heapMB: 80, heapRung: 'critical' }, { heapMB: 80 }]),
    'v8-heap-limit likely level',
  ],
  [
    '… and a second before the end',
    remains([{ at: 59, heapMB: 80, heapRung: 'critical' }, { heapMB: 80 }]),
    'killed-from-outside possible calm',
  ],
  [
    'a rung of a climb that is over',
    remains([{ at: 58, heapMB: 80, heapRung: 'warn' }, { heapMB: 80 }]),
    'killed-from-outside possible calm',
  ],
  ['the heap’s first rung', remains([{ heapMB: 110, heapRung: 'warn' }]), 'v8-heap-limit possible level'],
  [
    '… and it rises',
    remains(with_(climb('heapMB', 105, 110, 115), { heapRung: 'warn' })),
    'v8-heap-limit likely level',
  ],
  ['a quick climb of the heap', remains(climb('heapMB', 40, 65, 90)), 'v8-heap-limit likely level'],
  [
    'a beat of fifteen seconds ago tells of growth, where looks are rare',
    remains([
      { at: 45, heldMB: 100 },
      { heldMB: 140, buffersMB: 90, nextMs: 30_000 },
    ]),
    'kernel-oom likely level',
  ],
  [
    '… and an older one does not',
    remains([
      { at: 44.999, heldMB: 100 },
      { heldMB: 140, buffersMB: 90, nextMs: 30_000 },
    ]),
    'killed-from-outside possible calm',
  ],
  [
    'beats of long ago say nothing of growth',
    remains([
      { at: 30, heldMB: 10 },
      { at: 60, heldMB: 160, nextMs: 20_000 },
    ]),
    'killed-from-outside possible calm',
  ],

  [
    'both full: what has less left',
    remains([{ heapMB: 127, heldMB: 244, limitMB: 256 }]),
    'v8-heap-limit possible level',
  ],
  [
    'both full, the container first',
    remains([{ heapMB: 124, heldMB: 1000, limitMB: 1000 }]),
    'kernel-oom possible level',
  ],
  ['both full, far apart', remains([{ heapMB: 128, heldMB: 980, limitMB: 1000 }]), 'v8-heap-limit likely level'],
  ['16 MB apart are far apart', remains([{ heapMB: 128, heldMB: 984, limitMB: 1000 }]), 'v8-heap-limit likely level'],
  ['the surer one', remains([{ heapMB: 110, heapRung: 'warn', heldMB: 250 }]), 'kernel-oom likely level'],
  [
    'the surer one is the heap',
    remains([{ heapMB: 127, heldMB: 230, containerRung: 'warn' }]),
    'v8-heap-limit likely level',
  ],

  [
    'the counter rose, and the container was full',
    remains([{ heldMB: 250, oomKills: 1 }], { oomKillsNow: 2 }),
    'kernel-oom certain counter',
  ],
  ['the counter rose, and it was calm', remains([{ oomKills: 0 }], { oomKillsNow: 1 }), 'kernel-oom likely counter'],
  [
    'the counter rose, and the heap was full',
    remains([{ heapMB: 127 }], { oomKillsNow: 1 }),
    'kernel-oom likely counter',
  ],
  [
    'the counter stands where it stood',
    remains([{ oomKills: 3 }], { oomKillsNow: 3 }),
    'killed-from-outside possible calm',
  ],
  [
    'the counter is that of another group',
    remains([{ oomKills: 3 }], { oomKillsNow: 1 }),
    'killed-from-outside possible calm',
  ],

  ['SIGTERM had arrived', remains([{ signal: 'SIGTERM', signalAt: 50 }]), 'stopped-from-outside likely signal'],
  ['SIGINT had arrived just now', remains([{ signal: 'SIGINT', signalAt: 60 }]), 'stopped-from-outside likely signal'],
  [
    'SIGTERM had arrived, and the watchdog has looked since',
    remains([{ at: 55, signal: 'SIGTERM', signalAt: 50 }, { at: 60 }]),
    'stopped-from-outside likely signal',
  ],
  ['SIGTERM, when is not known', remains([{ signal: 'SIGTERM' }]), 'stopped-from-outside likely signal'],
  [
    'SIGTERM, and the container on its first rung',
    remains([{ heldMB: 220, containerRung: 'warn', signal: 'SIGTERM', signalAt: 50 }]),
    'stopped-from-outside likely signal',
  ],
  [
    'SIGTERM, and the container is full',
    remains([{ heldMB: 250, signal: 'SIGTERM', signalAt: 50 }]),
    'kernel-oom possible level',
  ],
  [
    'SIGTERM, and the counter rose',
    remains([{ heldMB: 250, signal: 'SIGTERM', signalAt: 50 }], { oomKillsNow: 1 }),
    'kernel-oom certain counter',
  ],
  [
    'SIGTERM, then an uncaught exception',
    remains([{ signal: 'SIGTERM', signalAt: 50, end: 'uncaught' }]),
    'crash certain uncaught',
  ],

  ['calm', remains([{}]), 'killed-from-outside possible calm'],
  [
    'calm, and the machine was started anew',
    remains([{}], { isMachineRestarted: true }),
    'killed-from-outside likely machine',
  ],
  [
    'full, and the machine was started anew',
    remains([{ heldMB: 250 }], { isMachineRestarted: true }),
    'kernel-oom likely level',
  ],
  ['calm, but a good end would not have been seen', remains([{ isEndUnseen: true }]), 'quiet-end'],
  [
    'calm, a good end would not have been seen, and the watchdog has looked since',
    remains([{ at: 55, isEndUnseen: true }, { at: 60 }]),
    'quiet-end',
  ],
  [
    'full, and a good end would not have been seen',
    remains([{ heldMB: 250, isEndUnseen: true }]),
    'kernel-oom likely level',
  ],
]

for (const [name, what, expected] of CASES)
  t.test(`${name}: ${expected}`, async t => {
    const found = judgeDeath(what)
    t.equal(
      found.kind === 'quiet-end' ? found.kind : `${found.death} ${found.confidence} ${found.because.kind}`,
      expected,
    )
    if (found.kind === 'death') t.equal(found.last, what.beats.at(-1))
  })

t.test('what a level stood at', async t => {
  const found = judgeDeath(remains(climb('heldMB', 60, 110, 160)))
  const { standing } = (found as { because: Extract<Because, { kind: 'level' }> }).because
  t.match(standing, { resource: 'container', levelBytes: mbToBytes(160), limitBytes: mbToBytes(256), isNear: 'likely' })
  t.equal(standing.growth?.perMs, mbToBytes(200) / 1000)
  t.equal(standing.share, (160 + 200) / 256, 'where it would be a second later')
})

t.test('how long a process lived on after a signal', async t => {
  const livedOn = (told: Told): unknown =>
    (judgeDeath(remains([told])) as { because: { livedOnMs?: number } }).because.livedOnMs
  t.equal(livedOn({ signal: 'SIGTERM', signalAt: 50 }), 10_000)
  t.equal(livedOn({ signal: 'SIGTERM', signalAt: 61 }), 0, 'a clock that was set back')
  t.equal(livedOn({ signal: 'SIGTERM' }), 0)
})

t.test('the counter says how many, and what the container stood at', async t => {
  const found = judgeDeath(remains([{ oomKills: 1, limitMB: undefined }], { oomKillsNow: 3 }))
  t.match(found, { because: { kind: 'counter', kills: 2, standing: undefined } })
})
