import t from 'tap'
import { evidenceName, type RunId, runIdOf } from '../../preload/core/evidence-names.ts'
import { type Beat, newFlightRecord } from '../../preload/core/flight-record.ts'
import type { Entry } from '../../preload/core/record.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'
import { openEarlierRuns } from '../../preload/evidence/earlier-runs.ts'
import { type Call, memoryFiles } from './memory-files.ts'

const DIR = '/evidence'
const WALL = 1_795_498_800_000
const DEAD = runIdOf('2026-11-24T05:30:00.123Z', 1, '9f3a0c')
const HERE = {
  pid: 1,
  startTicks: '200',
  machine: 'm',
  namespace: 'n',
  life: '200',
  seat: undefined,
  hostName: 'h',
}

const CALM: Beat = {
  atMs: millis(WALL - 5000),
  uptimeMs: millis(60_000),
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
  heapRung: undefined,
  containerRung: undefined,
  signal: undefined,
  signalAtMs: undefined,
  nextMs: millis(1000),
  isEndUnseen: false,
  end: undefined,
}

/** The bytes of a record of a run in an earlier life of this container, with one beat. */
function recordOf(run: RunId, beat: Partial<Beat> = {}): Uint8Array {
  const record = newFlightRecord({
    ...HERE,
    run,
    startTicks: '100',
    life: '100',
    group: '/g',
    version: '0.1.0',
    nodeVersion: 'v24.0.0',
    heapLimitBytes: mbToBytes(130),
    ceilingBytes: mbToBytes(128),
  })
  record.put({ ...CALM, ...beat })
  return record.image
}

const textBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))

/** A folder with these files, and a start beside them. */
function start(files: Readonly<Record<string, Uint8Array>>) {
  const memory = memoryFiles()
  for (const [name, data] of Object.entries(files))
    memory.folder.set(`${DIR}/${name}`, { data, mtimeMs: WALL, mode: 0o600 })
  const said: Entry[] = []
  const problems: unknown[] = []
  const subject = () =>
    openEarlierRuns({
      files: memory.files,
      dir: DIR,
      run: runIdOf('2026-11-24T05:40:00.000Z', 1, 'aaaaaa'),
      here: HERE,
      ask: () => 'none',
      oomKills: () => undefined,
      now: () => millis(WALL),
      uptime: () => millis(0),
      toIsoTime: atMs => new Date(atMs).toISOString(),
      say: entry => said.push(entry),
      onProblem: error => problems.push((error as NodeJS.ErrnoException).code),
    })
  return {
    memory,
    said,
    problems,
    tell: () => subject().tell(),
    words: () => said.map(({ fields }) => `${fields.death} ${fields.confidence}`),
    names: () => [...memory.folder.keys()].map(path => path.slice(DIR.length + 1)).sort(),
  }
}

const HEAP_REPORT =
  '{\n  "header": {\n    "reportVersion": 5,\n    "event": "Allocation failed - JavaScript heap out of memory",'
const REPORTS: readonly (readonly [string, string, string])[] = [
  ['an empty report: V8 was to write it, and never did', '', 'killed-from-outside possible'],
  ['a report of a heap that is full', HEAP_REPORT, 'v8-heap-limit certain'],
  ['a report that was cut before it says why', HEAP_REPORT.slice(0, 40), 'killed-from-outside possible'],
  [
    'a report that the app asked for',
    '{\n  "header": {\n    "event": "JavaScript API",\n    "trigger": "GetReport",',
    'killed-from-outside possible',
  ],
]
for (const [name, text, expected] of REPORTS)
  t.test(`beside a calm record: ${name}: ${expected}`, async t => {
    const { tell, words, names, problems } = start({
      [evidenceName(DEAD, 'record')]: recordOf(DEAD),
      [evidenceName(DEAD, 'report')]: textBytes(text),
    })
    tell()
    t.strictSame(words(), [expected])
    t.strictSame(problems, [])
    t.strictSame(names(), [evidenceName(DEAD, 'death'), evidenceName(DEAD, 'report')])
    tell()
    t.equal(words().length, 1, 'told once')
  })

t.test('an empty report takes nothing from what the record says', async t => {
  const { tell, words } = start({
    [evidenceName(DEAD, 'record')]: recordOf(DEAD, { oldSpaceBytes: mbToBytes(127), heapRung: 'critical' }),
    [evidenceName(DEAD, 'report')]: textBytes(''),
  })
  tell()
  t.strictSame(words(), ['v8-heap-limit likely'])
})

t.test('cut at every byte: one line, or none where the folder holds nothing of a record', async t => {
  const whole = recordOf(DEAD)
  const seen = new Set<string>()
  for (let length = 0; length <= whole.length; length++) {
    const { tell, words, problems } = start({ [evidenceName(DEAD, 'record')]: whole.slice(0, length) })
    tell()
    if (problems.length > 0 || words().length > 1) t.fail(`${length} bytes: ${words().join()} ${problems.join()}`)
    seen.add(words().join())
  }
  t.strictSame([...seen].sort(), ['', 'killed-from-outside possible', 'not-known possible'].sort())
})

const CALLS: readonly Call[] = ['open', 'read', 'stat', 'opendir', 'readdir', 'rename', 'unlink']
for (const code of ['ENOSPC', 'EACCES', 'EROFS', 'EIO'])
  for (const call of CALLS)
    t.test(`${call} fails with ${code}: nothing is thrown or left open, at most one problem, told later`, async t => {
      const { tell, words, problems, memory } = start({ [evidenceName(DEAD, 'record')]: recordOf(DEAD) })
      memory.state.fault = name => (name === call ? code : undefined)
      tell()
      t.ok(problems.length <= 1 && problems.every(problem => problem === code), problems.join())
      t.equal(memory.leaks(), 0)
      memory.state.fault = () => undefined
      tell()
      t.strictSame(words(), ['killed-from-outside possible'], 'once, as soon as it can be claimed')
    })

t.test('a folder that vanishes is one problem', async t => {
  const { tell, problems, said, memory } = start({ [evidenceName(DEAD, 'record')]: recordOf(DEAD) })
  memory.state.isFolderThere = false
  tell()
  t.strictSame(problems, ['ENOENT'])
  t.strictSame(said, [])
})

t.test('a run that ended in good order and could not be removed is removed without a word', async t => {
  const { tell, said, names } = start({ [evidenceName(DEAD, 'record')]: recordOf(DEAD, { end: 'exit' }) })
  tell()
  t.strictSame(said, [])
  t.strictSame(names(), [])
})

t.test("somebody else's file with a name of ours stays, and is not told of", async t => {
  const name = evidenceName(DEAD, 'record')
  const { tell, said, names } = start({ [name]: textBytes('not a record'), 'notes.txt': textBytes('') })
  tell()
  t.strictSame(said, [])
  t.strictSame(names(), [name, 'notes.txt'])
})
