import t from 'tap'
import { type EvidenceKind, evidenceFile, evidenceName, runIdOf } from '../../preload/core/evidence-names.ts'

const START = '2026-11-24T05:30:00.123Z'
const UUID = '9f3a0c11-5b7e-4a2f-8c40-d2d3b1a7e6f5'
const KINDS: readonly (readonly [EvidenceKind, string])[] = [
  ['record', 'heapguard-20261124T053000123Z-1-9f3a0c.run'],
  ['death', 'heapguard-20261124T053000123Z-1-9f3a0c.death'],
  ['report', 'heapguard-20261124T053000123Z-1-9f3a0c.report.json'],
  ['heap-profile', 'heapguard-20261124T053000123Z-1-9f3a0c.heapprofile'],
  ['heap-snapshot', 'heapguard-20261124T053000123Z-1-9f3a0c.heapsnapshot'],
]

t.test('each kind has a name of its own, and the name tells run, pid and kind', async t => {
  const run = runIdOf(START, 1, UUID)
  for (const [kind, name] of KINDS) {
    t.equal(evidenceName(run, kind), name)
    t.strictSame(evidenceFile(name), { name, run, pid: 1, kind })
  }
})

t.test('a run id', async t => {
  t.equal(runIdOf(START, 4194304, UUID), '20261124T053000123Z-4194304-9f3a0c')
  t.not(runIdOf(START, 1, UUID), runIdOf(START, 1, '8f3a0c'), 'PID 1 of two containers that started at once')
  t.equal(runIdOf(START, 1, 'G-4Z2'), '20261124T053000123Z-1-420000', 'noise that is short')
  t.equal(runIdOf(START, 1, ''), '20261124T053000123Z-1-000000', 'no noise')
  const later = runIdOf('2026-11-24T05:30:00.124Z', 1, '000000')
  t.ok(runIdOf(START, 99, 'ffffff') < later, 'the older run sorts first')
})

t.test('names that are not the guard’s', async t => {
  for (const name of [
    '',
    'heapguard-12.heapprofile',
    'heapguard-20261124T053000123Z-1-9f3a0c',
    'heapguard-20261124T053000123Z-1-9f3a0c.',
    'heapguard-20261124T053000123Z-1-9f3a0c.log',
    'heapguard-20261124T053000123Z-1-9f3a0c.runs',
    'heapguard-20261124T053000123Z-1-9f3a0c.run.gz',
    'heapguard-20261124T053000123Z-1-9f3a0c.toString',
    'heapguard-20261124T053000123Z-1-9f3a0g.run',
    'heapguard-20261124T053000123Z-1-9f3a0.run',
    'heapguard-20261124T053000Z-1-9f3a0c.run',
    'heapguard-20261124T053000123Z--9f3a0c.run',
    'heapguard-20261124T053000123Z-12345678901-9f3a0c.run',
    'x-heapguard-20261124T053000123Z-1-9f3a0c.run',
    '../heapguard-20261124T053000123Z-1-9f3a0c.run',
    'heapguard-20261124T053000123Z-1-9f3a0c.run\n',
  ])
    t.equal(evidenceFile(name), undefined, JSON.stringify(name))
})
