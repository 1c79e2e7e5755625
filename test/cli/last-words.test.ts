// What V8 says before it ends a process, and what only sounds like it.
import t from 'tap'
import { lastWordsIn } from '../../cli/report/last-words.ts'

const REACHED = 'Reached heap limit Allocation failed - JavaScript heap out of memory'
const MARK = '[1:0x18bbb000]     4153 ms: Mark-Compact (reduce) 63.0 (65.8) -> 62.5 (64.3) MB'

for (const msg of [
  REACHED,
  'Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory',
  'CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory',
  'NewSpace::EnsureCurrentCapacity Allocation failed - JavaScript heap out of memory',
  'invalid array length Allocation failed - JavaScript heap out of memory',
  'Zone Allocation failed - process out of memory',
  'Committing semi space failed. Allocation failed - process out of memory',
  'Allocation failed - JavaScript heap out of memory',
])
  t.test(msg, async t => {
    t.strictSame(lastWordsIn(`FATAL ERROR: ${msg}`), { kind: 'fatal', source: undefined, msg })
    t.strictSame(lastWordsIn(`FATAL ERROR: ${msg}\r`), { kind: 'fatal', source: undefined, msg })
  })

for (const [name, around, source] of [
  ['docker compose', (text: string) => `a-1  | ${text}`, 'a-1'],
  ['kubectl --prefix', (text: string) => `[pod/a/app] ${text}`, 'pod/a/app'],
  ['stern', (text: string) => `a-7d9 app ${text}`, 'a-7d9/app'],
  ['stern with timestamps', (text: string) => `a-7d9 app 2026-11-23T18:00:00.1Z ${text}`, 'a-7d9/app'],
  ['CRI', (text: string) => `2026-11-23T18:00:00.1Z stderr F ${text}`, undefined],
  ['logcli', (text: string) => `2026-11-23T18:00:00Z {pod="a"} ${text}`, 'a'],
  ['docker’s json-file', (text: string) => JSON.stringify({ log: `${text}\n`, stream: 'stderr' }), undefined],
  ['Fluent Bit', (text: string) => JSON.stringify({ log: text, kubernetes: { pod_name: 'a' } }), 'a'],
  [
    'docker compose, wrapped in turn',
    (text: string) => `b-1  | ${JSON.stringify({ log: text, kubernetes: { pod_name: 'a' } })}`,
    'b-1',
  ],
] as const)
  t.test(`whose it is: ${name}`, async t => {
    t.strictSame(lastWordsIn(around(`FATAL ERROR: ${REACHED}`)), { kind: 'fatal', source, msg: REACHED })
    t.strictSame(lastWordsIn(around(MARK)), { kind: 'collection', source, pid: 1 })
  })

for (const line of [
  '{"level":"fatal","msg":"FATAL ERROR: redis: OOM command not allowed when used memory > maxmemory"}',
  'FATAL ERROR: the heap of papers is out of memory',
  `the worker said FATAL ERROR: ${REACHED}`,
  `FATAL ERROR: ${REACHED}, so I start it again`,
  `{"msg":"the worker said FATAL ERROR: ${REACHED}"}`,
  'FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal',
  `it wrote ${MARK}`,
  '',
])
  t.test(`not V8’s: ${line}`, async t => t.equal(lastWordsIn(line), undefined))
