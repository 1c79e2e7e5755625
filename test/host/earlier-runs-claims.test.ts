// Who tells of an earlier run, when, and what of it is kept.
import t from 'tap'
import { evidenceName, runIdOf } from '../../preload/core/evidence-names.ts'
import { type Beat, newFlightRecord } from '../../preload/core/flight-record.ts'
import type { Entry } from '../../preload/core/record.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import type { AskPid } from '../../preload/core/whereabouts.ts'
import { openEarlierRuns } from '../../preload/evidence/earlier-runs.ts'
import { memoryFiles } from './memory-files.ts'

const DIR = '/evidence'
const WALL = 1_795_498_800_000
const HERE = { pid: 9, startTicks: '900', machine: 'm', namespace: 'n', life: '1', seat: 's', hostName: 'h' }
const run = (n: number) => runIdOf(`2026-11-23T05:30:${String(n).padStart(2, '0')}.000Z`, n + 1, 'abcdef')
const OWN = runIdOf('2026-11-24T05:30:00.000Z', 9, '123456')

const BEAT: Beat = {
  atMs: millis(WALL - 5000),
  uptimeMs: millis(60_000),
  rssBytes: mbToBytes(70),
  heapTotalBytes: mbToBytes(20),
  heapUsedBytes: mbToBytes(11),
  externalBytes: mbToBytes(4),
  arrayBuffersBytes: mbToBytes(1),
  oldSpaceBytes: mbToBytes(10),
  usageBytes: mbToBytes(250),
  workingSetBytes: mbToBytes(250),
  heldBytes: mbToBytes(250),
  limitBytes: mbToBytes(256),
  oomKills: 0,
  heapRung: undefined,
  containerRung: undefined,
  signal: undefined,
  signalAtMs: undefined,
  nextMs: millis(1000),
  isEndUnseen: false,
  end: undefined,
}

function folder() {
  let clock = 0
  const memory = memoryFiles(() => WALL + clock)
  const said: Entry[] = []
  const problems: unknown[] = []
  const put = (name: string, data: Uint8Array | string): void => {
    memory.folder.set(`${DIR}/${name}`, {
      data: typeof data === 'string' ? Buffer.from(data) : data,
      mtimeMs: WALL - 5000,
      mode: 0o600,
    })
  }
  const record = (n: number, beat: Partial<Beat> = {}, head: object = {}): Uint8Array => {
    const { image, put: add } = newFlightRecord({
      ...HERE,
      run: run(n),
      pid: n + 1,
      startTicks: '5',
      group: '/g',
      version: '0.1.0',
      nodeVersion: 'v24.0.0',
      heapLimitBytes: bytes(2),
      ceilingBytes: mbToBytes(128),
      ...head,
    })
    add({ ...BEAT, ...beat })
    return image
  }
  return {
    memory,
    said,
    problems,
    put,
    record,
    run: (n: number, beat?: Partial<Beat>, head?: object) => put(evidenceName(run(n), 'record'), record(n, beat, head)),
    /** A process that starts now. `ask`: what lives. */
    open: (ask: AskPid = () => 'none', oomKills?: number) =>
      openEarlierRuns({
        files: memory.files,
        dir: DIR,
        run: OWN,
        here: HERE,
        ask,
        oomKills: group => (group === '/g' ? oomKills : undefined),
        now: () => millis(WALL + clock),
        uptime: () => millis(clock),
        toIsoTime: atMs => new Date(atMs).toISOString(),
        say: entry => said.push(entry),
        onProblem: error => problems.push((error as NodeJS.ErrnoException).code),
      }),
    pass: (ms: number) => {
      clock += ms
    },
    names: () => [...memory.folder.keys()].map(name => name.slice(DIR.length + 1)).sort(),
    words: () => said.map(({ fields }) => `${fields.run} ${fields.death} ${fields.confidence}`),
  }
}

t.test('a run that is over is told of once, and kept under another name', async t => {
  const { open, run: add, names, words, memory, problems } = folder()
  add(0)
  const [first, second] = [open(), open()]
  first.tell()
  second.tell()
  t.strictSame(words(), [`${run(0)} kernel-oom likely`])
  t.strictSame(names(), [evidenceName(run(0), 'death')])
  t.strictSame(problems, [])
  t.equal(memory.leaks(), 0)
})

t.test('two processes that start at once: the one that renames first tells', async t => {
  const { open, run: add, words, memory, problems } = folder()
  add(0)
  const [first, second] = [open(), open()]
  memory.state.fault = call => {
    // The other one is faster, just before this one renames.
    if (call !== 'rename') return undefined
    memory.state.fault = () => undefined
    second.tell()
    return undefined
  }
  first.tell()
  t.equal(words().length, 1)
  t.strictSame(problems, [])
})

t.test('a run that lives, and this one, are left alone', async t => {
  const { open, run: add, put, record, names, words } = folder()
  add(0)
  put(evidenceName(OWN, 'record'), record(0))
  const before = names()
  open(() => ({ startTicks: '5' })).tell()
  t.strictSame(words(), [])
  t.strictSame(names(), before)
})

t.test('a run that this very process was before it started another program: removed, no word', async t => {
  const { open, put, record, names, words } = folder()
  put(evidenceName(run(8), 'record'), record(8, {}, { startTicks: '900' }))
  open(() => ({ startTicks: '900' })).tell()
  t.strictSame(words(), [])
  t.strictSame(names(), [])
})

t.test('a run in another container: silent for a minute on this process’s clock, then it is over', async t => {
  const { open, run: add, words, pass } = folder()
  add(0, {}, { namespace: 'x', seat: 'other' })
  const subject = open()
  subject.tell()
  subject.again()
  pass(60_000)
  subject.again()
  t.strictSame(words(), [])
  pass(1)
  subject.again()
  subject.again()
  t.strictSame(words(), [`${run(0)} kernel-oom likely`])
})

t.test('a run in another container that goes on writing lives', async t => {
  const { open, run: add, words, pass } = folder()
  add(0, {}, { namespace: 'x', seat: 'other' })
  const subject = open()
  subject.tell()
  pass(30_000)
  add(0, { uptimeMs: millis(90_000) }, { namespace: 'x', seat: 'other' })
  pass(30_001)
  subject.again()
  pass(600_000)
  subject.again()
  t.strictSame(words(), [])
})

t.test('V8’s report, the counter, a restarted machine, an end that could not be removed', async t => {
  const { open, run: add, put, words, names } = folder()
  add(0)
  put(evidenceName(run(0), 'report'), '{"header":{"event":"x","trigger":"OOMError"}}')
  add(1)
  add(2, { heldBytes: mbToBytes(9) }, { machine: 'before' })
  add(3, { end: 'exit' })
  open(() => 'none', 1).tell()
  t.strictSame(words(), [
    `${run(0)} v8-heap-limit certain`,
    `${run(1)} kernel-oom certain`,
    `${run(2)} killed-from-outside likely`,
  ])
  t.notOk(names().includes(evidenceName(run(3), 'record')))
})

t.test('eight deaths a start, the newest, in the order of their starts; the others at the next', async t => {
  const { open, run: add, said } = folder()
  for (let n = 0; n < 11; n++) add(n)
  open().tell()
  const told = () => said.map(({ fields }) => fields.run)
  t.strictSame(told(), [3, 4, 5, 6, 7, 8, 9, 10].map(run))
  open().tell()
  t.strictSame(told().slice(8), [0, 1, 2].map(run))
})

t.test('sixteen are kept, and what is not the guard’s stays, whatever its name', async t => {
  const { open, put, record, names } = folder()
  for (let n = 0; n < 20; n++) put(evidenceName(run(n), 'death'), record(n))
  put(evidenceName(run(0), 'report'), 'mine')
  put('orders.db', 'mine')
  open().tell()
  t.strictSame(
    names(),
    [
      evidenceName(run(0), 'report'),
      'orders.db',
      ...Array.from({ length: 16 }, (_, n) => evidenceName(run(n + 4), 'death')),
    ].sort(),
  )
})

t.test('100,000 files of others: ten thousand entries are looked at, twice, and none is opened', async t => {
  const { open, put, memory } = folder()
  for (let n = 0; n < 100_000; n++) put(`order-${n}`, '')
  open().tell()
  const count = (call: string): number => memory.calls.filter(name => name.startsWith(call)).length
  t.equal(count('readdir'), 20_000)
  t.equal(count('open /'), 0)
})
