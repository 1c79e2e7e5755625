import t from 'tap'
import { filesToRemove, isHeapReport, isOurs, type KeptFile } from '../../preload/core/archive.ts'
import { type EvidenceKind, evidenceName, type RunId, runIdOf } from '../../preload/core/evidence-names.ts'
import { bytes, mbToBytes } from '../../preload/core/units.ts'

const run = (day: number): RunId => runIdOf(`2026-11-${String(day).padStart(2, '0')}T05:30:00.123Z`, 1, '9f3a0c')
const file = (day: number, kind: EvidenceKind = 'death', sizeMB = 0): KeptFile => ({
  name: evidenceName(run(day), kind),
  sizeBytes: sizeMB === 0 ? bytes(8192) : mbToBytes(sizeMB),
})
const days = (from: number, to: number): KeptFile[] => Array.from({ length: to - from + 1 }, (_, n) => file(from + n))
const none = (): boolean => false
const names = (...files: readonly KeptFile[]): string[] => files.map(({ name }) => name)

for (const [name, files, isLiving, gone] of [
  ['nothing there', [], none, []],
  ['sixteen runs stay', days(1, 16), none, []],
  ['of seventeen the oldest goes', days(1, 17).reverse(), none, names(file(1))],
  [
    'a run goes with all that is of it',
    [file(1, 'heap-profile'), ...days(1, 17), file(1, 'report'), file(17, 'report')],
    none,
    names(file(1, 'heap-profile'), file(1), file(1, 'report')),
  ],
  ['what is alive does not count', days(1, 17), (other: string) => other === run(9), []],
  ['what is alive stays, however old', days(1, 18), (other: string) => other === run(1), names(file(2))],
  ['512 MB stay', [file(1, 'heap-snapshot', 256), file(2, 'heap-snapshot', 256)], none, []],
  [
    'a byte more: the oldest goes',
    [file(1, 'heap-snapshot', 256), file(2, 'heap-snapshot', 256), { ...file(2), sizeBytes: bytes(1) }],
    none,
    names(file(1, 'heap-snapshot', 256)),
  ],
  ['the newest stays, whatever it weighs', [file(1), file(2, 'heap-snapshot', 9000)], none, names(file(1))],
  ['files of others are none of ours', [{ name: 'orders.db', sizeBytes: mbToBytes(9000) }, file(1)], none, []],
] as const)
  t.test(name, async t => {
    t.strictSame(filesToRemove(files, isLiving), gone)
  })

const nameOf = (kind: EvidenceKind): string => evidenceName(run(1), kind)
for (const [kind, begins, expected] of [
  ['record', '{"heapguard":1,"run":"x"', true],
  ['record', '{"heapguard":2,"run":"x"', false],
  ['death', '{"heapguard":1,', true],
  ['death', '', true],
  ['death', '{"orders":[]}', false],
  ['report', '\n{\n  "header": {\n    "reportVersion": 5', true],
  ['report', '{"header":{"reportVersion":5', true],
  ['report', '{"orders":[]}', false],
  ['heap-profile', '{"head":{"callFrame"', true],
  ['heap-profile', '{"header":{', false],
  ['heap-snapshot', '{"snapshot":{"meta"', true],
  ['heap-snapshot', 'PK', false],
] as const)
  t.test(`a file with the name of a ${kind} that begins with ${JSON.stringify(begins)}: ours ${expected}`, async t => {
    t.equal(isOurs(nameOf(kind), begins), expected)
  })

t.test('a file that is not ours by its name is not ours by what is in it', async t => {
  t.equal(isOurs('heapguard.death', '{"heapguard":1,'), false)
})

for (const [begins, expected] of [
  [
    '\n{\n  "header": {\n    "event": "Allocation failed - JavaScript heap out of memory",\n    "trigger": "OOMError",',
    true,
  ],
  ['{"header":{"event":"x","trigger":"OOMError"', true],
  [
    '{"header":{"event":"Reached heap limit Allocation failed - JavaScript heap out of memory","trigger":"FatalError"',
    true,
  ],
  ['{"header":{"event":"JavaScript API","trigger":"API"', false],
  ['{"header":{"event":"Exception","trigger":"Exception"', false],
  ['', false],
] as const)
  t.test(
    `a report that begins with ${JSON.stringify(begins.trim().slice(0, 60))}: of a full heap ${expected}`,
    async t => {
      t.equal(isHeapReport(begins), expected)
    },
  )
