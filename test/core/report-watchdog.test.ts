import t from 'tap'
import type { CauseKind } from '../../preload/core/cause.ts'
import { seenFromOutside, watchdogFailed } from '../../preload/core/report-watchdog.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'

const FROM = { blockedMs: millis(2300), answers: true, tellsBuffers: true }
const BLIND = { ...FROM, answers: false }
const OLD = { ...FROM, tellsBuffers: false }

for (const [name, kind, from, want, note] of [
  [
    'the heap',
    'heap',
    FROM,
    'heap',
    /^ The main thread has been blocked for 2\.3 s, so this comes from the watchdog\.$/,
  ],
  ['Buffers', 'buffers', FROM, 'buffers', /watchdog\.$/],
  ['native memory', 'native', FROM, 'native', /watchdog\.$/],
  ['no part by itself', 'unknown', FROM, 'unknown', /watchdog\.$/],
  ['no answer: the heap is not known', 'heap', BLIND, 'unknown', /inside one native call .* not known\.$/],
  ['no answer: nor Buffers', 'buffers', BLIND, 'unknown', /inside one native call/],
  ['no answer: nor native memory', 'native', BLIND, 'unknown', /inside one native call/],
  ['no answer: nor workers', 'workers', BLIND, 'unknown', /inside one native call/],
  ['no answer, and no part by itself', 'unknown', BLIND, 'unknown', /inside one native call/],
  ['no answer: what others hold is known all the same', 'process', BLIND, 'process', /watchdog\.$/],
  ['no answer: tmpfs too', 'tmpfs', BLIND, 'tmpfs', /watchdog\.$/],
  ['an older Node: outside of the heap', 'native', OLD, 'unknown', /Buffers or native memory, which this Node/],
  ['an older Node, with workers', 'workers', OLD, 'unknown', /Buffers or native memory/],
  ['an older Node: the heap', 'heap', OLD, 'heap', /watchdog\.$/],
] as const)
  t.test(`seen from outside: ${name}`, async t => {
    const cause = { kind: kind as CauseKind, partBytes: mbToBytes(1), ofBytes: mbToBytes(2), sinceMs: undefined }
    const seen = seenFromOutside(cause, from)
    t.strictSame(seen.cause, { ...cause, kind: want })
    t.match(seen.note, note)
  })

t.test('the watchdog does not run', async t =>
  t.match(watchdogFailed(Object.assign(new Error('x'), { code: 'ERR_ACCESS_DENIED' })), {
    level: 'warn',
    event: 'evidence-problem',
    fields: { what: 'watchdog', reason: 'ERR_ACCESS_DENIED' },
    msg: /does not run \(ERR_ACCESS_DENIED\)/,
  }),
)
