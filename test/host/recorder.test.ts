import t from 'tap'
import { newFlightRecord, readFlightRecord } from '../../preload/core/flight-record.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import { type LookedBeat, openRecorder } from '../../preload/evidence/recorder.ts'
import { type Call, memoryFiles } from './memory-files.ts'

const PATH = '/evidence/heapguard-20261124T053000123Z-1-9f3a0c.run'
const WALL = 1_795_498_800_000

/** A recorder on a clock that is turned by hand; a look each second. */
function recorder() {
  let clock = 0
  let writeMs = 0
  const memory = memoryFiles(() => WALL + clock)
  const problems: unknown[] = []
  const { writeSync } = memory.files
  const subject = openRecorder({
    files: {
      ...memory.files,
      writeSync: ((...parameters: Parameters<typeof writeSync>) => {
        clock += writeMs
        return writeSync(...parameters)
      }) as typeof writeSync,
    },
    path: PATH,
    record: newFlightRecord({
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
    }),
    now: () => millis(WALL + clock),
    uptime: () => millis(clock),
    onProblem: error => problems.push((error as NodeJS.ErrnoException).code ?? (error as Error).message),
  })
  const lookAt = (uptimeMs: number): LookedBeat => ({
    uptimeMs: millis(uptimeMs),
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
    isEndUnseen: false,
  })
  /** Looks for so many seconds. */
  const pass = (seconds: number, isNear = false, pauseMs = 1000): void => {
    for (let n = 0; n < Math.round((seconds * 1000) / pauseMs); n++) {
      clock += pauseMs
      subject.look(lookAt(clock), isNear, millis(pauseMs))
    }
  }
  const read = () => readFlightRecord(memory.folder.get(PATH)?.data ?? Uint8Array.from([0]))
  return {
    subject,
    lookAt,
    /** One look, `ms` after the last, with a pause of a second before the next. */
    lookIn: (ms: number) => {
      clock += ms
      subject.look(lookAt(clock), false, millis(1000))
    },
    memory,
    problems,
    pass,
    read,
    slow: (ms: number) => {
      writeMs = ms
    },
    /** The seconds of the beats in the file. */
    beats: () => read()?.beats.map(({ uptimeMs }) => uptimeMs / 1000),
    writes: () => memory.calls.filter(call => call.startsWith('write')).length,
    file: () => memory.folder.get(PATH),
  }
}

t.test('nothing is there before the first look; then all of it, for its owner alone', async t => {
  const { pass, file, read, memory } = recorder()
  t.equal(file(), undefined)
  pass(1)
  t.equal(file()?.data.length, 8192)
  t.equal(file()?.mode, 0o600)
  t.match(read(), { head: { run: 'r', pid: 1 }, beats: [{ uptimeMs: 1000, atMs: WALL + 1000, nextMs: 5000 }] })
  t.equal(memory.leaks(), 0)
})

t.test('calm: a beat each five seconds, in place', async t => {
  const { pass, beats, file, writes } = recorder()
  pass(16)
  t.strictSame(beats(), [1, 6, 11, 16])
  t.equal(file()?.data.length, 8192)
  t.equal(writes(), 4)
})

t.test('calm: a look up to half a pause before the time of a beat is the one that was meant', async t => {
  for (const [ms, want] of [
    [4499, [1]],
    [4500, [1, 5.5]],
    [4990, [1, 5.99]],
  ] as const) {
    const { lookIn, beats } = recorder()
    lookIn(1000)
    lookIn(ms)
    t.strictSame(beats(), want)
  }
})

t.test('near a limit: each look, and first the one before, which no calm beat has said', async t => {
  const { pass, beats } = recorder()
  pass(3)
  pass(2, true)
  t.strictSame(beats(), [1, 3, 4, 5])
  pass(0.5, true, 250)
  t.strictSame(beats(), [1, 3, 4, 5, 5.25, 5.5])
  pass(6)
  t.strictSame(beats(), [1, 3, 4, 5, 5.25, 5.5, 10.5])
})

t.test('a slow volume rests: a hundred times as long as the write took', async t => {
  const { pass, writes, slow } = recorder()
  slow(5)
  pass(3, true)
  t.equal(writes(), 3, '5 ms are not slow')
  slow(30)
  pass(9.2, true)
  const before = writes()
  t.ok(before >= 5 && before <= 7, `${before} writes in nine seconds more`)
  slow(300)
  pass(100, true)
  t.ok(writes() - before <= 6, `${writes() - before} in 100 seconds`)
})

t.test('a volume that is quick again is written to as often as before', async t => {
  const { pass, beats, slow } = recorder()
  slow(40)
  pass(1, true)
  slow(0)
  pass(4, true)
  t.strictSame(beats(), [1, 4.04, 5.04], 'forty milliseconds rest four seconds; then the look before it too')
  pass(3, true)
  t.strictSame(beats(), [1, 4.04, 5.04, 6.04, 7.04, 8.04])
})

t.test('a rung newly reached does not wait for a slow volume; one that stays does', async t => {
  for (const key of ['heapRung', 'containerRung'] as const) {
    const { subject, lookAt, pass, read, slow } = recorder()
    const rungs = () => read()?.beats.map(beat => beat[key])
    const on = (seconds: number, rung: LookedBeat['heapRung']) =>
      subject.look({ ...lookAt(seconds * 1000), [key]: rung }, true, millis(50))
    slow(40)
    pass(1, true)
    on(1.1, 'warn')
    t.strictSame(rungs(), [undefined, 'warn'], key)
    on(1.2, 'warn')
    t.strictSame(rungs(), [undefined, 'warn'])
    on(1.3, 'critical')
    t.strictSame(rungs(), [undefined, 'warn', 'warn', 'critical'], 'and the look before it')
    on(1.4, 'critical')
    on(1.5, undefined)
    t.strictSame(rungs(), [undefined, 'warn', 'warn', 'critical'], 'no rung at all is no reason')
  }
})

t.test('a signal is written at once, and then each look', async t => {
  const { subject, pass, read, beats } = recorder()
  pass(2)
  subject.signal('SIGTERM')
  t.match(read()?.beats.at(-1), { signal: 'SIGTERM', signalAtMs: WALL + 2000, atMs: WALL + 2000 })
  pass(3)
  t.strictSame(beats(), [1, 2, 3, 4, 5])
  t.match(read()?.beats.at(-1), { signal: 'SIGTERM', signalAtMs: WALL + 2000, atMs: WALL + 5000 })
})

t.test('a signal before the first look is in the first beat', async t => {
  const { subject, pass, read, file } = recorder()
  subject.signal('SIGINT')
  t.equal(file(), undefined)
  pass(1)
  t.match(read()?.beats, [{ signal: 'SIGINT', signalAtMs: WALL }])
})

t.test('an end in good order: marked, then removed', async t => {
  const { subject, pass, file, memory } = recorder()
  pass(2)
  let marked: unknown
  memory.state.fault = call => {
    if (call === 'unlink') marked = readFlightRecord(file()?.data as Uint8Array)?.beats.at(-1)?.end
    return undefined
  }
  subject.end('exit')
  t.equal(marked, 'exit')
  t.equal(file(), undefined)
  t.equal(memory.leaks(), 0)
})

t.test('an end in good order that cannot be removed: the mark stays', async t => {
  const { subject, pass, read, memory } = recorder()
  pass(2)
  memory.state.fault = call => (call === 'unlink' ? 'EACCES' : undefined)
  subject.end('exit')
  t.equal(read()?.beats.at(-1)?.end, 'exit')
})

t.test('an uncaught exception: marked, and it stays', async t => {
  const { subject, pass, read } = recorder()
  pass(2)
  subject.end('uncaught')
  t.match(read()?.beats.at(-1), { end: 'uncaught', atMs: WALL + 2000 })
})

t.test('an end before the first look leaves nothing and calls nothing', async t => {
  const { subject, memory } = recorder()
  subject.end('uncaught')
  subject.end('exit')
  t.strictSame(memory.calls, [])
})

for (const code of ['ENOSPC', 'EACCES', 'EROFS', 'EIO', 'EDQUOT', 'ENXIO', 'ELOOP'])
  for (const call of ['open', 'write'] as const)
    t.test(
      `${call} fails with ${code} from the first beat: told, nothing is left, tried again after a minute`,
      async t => {
        const { pass, problems, file, memory, beats } = recorder()
        memory.state.fault = name => (name === call ? code : undefined)
        pass(60)
        t.strictSame(problems, [code])
        t.equal(file(), undefined, 'no empty file stays')
        t.equal(memory.leaks(), 0)
        memory.state.fault = () => undefined
        pass(2)
        t.strictSame(problems, [code])
        t.ok((beats()?.length ?? 0) >= 1, 'and then it is there')
      },
    )

for (const [n, call] of (['open', 'write'] as Call[]).entries())
  for (const code of ['ENOSPC', 'EIO', 'EROFS'])
    t.test(`${call} fails with ${code} in the middle: what is there can be read`, async t => {
      const { pass, problems, memory, beats, subject, file } = recorder()
      pass(6)
      memory.state.fault = name => (name === call ? code : undefined)
      pass(10)
      t.strictSame(problems, [code], `${n}`)
      t.strictSame(beats(), [1, 6])
      memory.state.fault = () => undefined
      pass(60)
      t.ok((beats()?.at(-1) ?? 0) > 60, 'it goes on')
      subject.end('exit')
      t.equal(file(), undefined)
    })

t.test('an end in good order while nothing can be written: what was there is removed all the same', async t => {
  const { subject, pass, memory, file } = recorder()
  pass(6)
  memory.state.fault = name => (name === 'write' ? 'ENOSPC' : undefined)
  pass(6)
  subject.end('exit')
  t.equal(file(), undefined)
})

t.test('a write that is cut short is a failure, and its slot is dropped', async t => {
  const { pass, problems, memory, beats } = recorder()
  pass(1)
  memory.state.mostWritten = 60
  pass(5)
  t.strictSame(problems, ['cut short'])
  t.strictSame(beats(), [1])
})

t.test('a first write that is cut short leaves nothing', async t => {
  const { pass, problems, memory, file } = recorder()
  memory.state.mostWritten = 4096
  pass(1)
  t.strictSame(problems, ['cut short'])
  t.equal(file(), undefined)
})

t.test('a record that somebody took away is made again, with all that was in it', async t => {
  const { pass, problems, memory, beats } = recorder()
  pass(6)
  memory.folder.clear()
  pass(5)
  t.strictSame(problems, [])
  t.strictSame(beats(), [1, 6, 11])
})

t.test('a folder that vanishes, and comes back', async t => {
  const { pass, problems, memory, beats, subject } = recorder()
  pass(6)
  memory.folder.clear()
  memory.state.isFolderThere = false
  pass(59)
  t.strictSame(problems, ['ENOENT'])
  memory.state.isFolderThere = true
  pass(20)
  t.strictSame(problems, ['ENOENT'])
  t.ok((beats()?.length ?? 0) >= 3)
  memory.state.isFolderThere = false
  subject.end('exit')
  t.strictSame(problems, ['ENOENT', 'ENOENT'])
})

t.test('no descriptor stays open, whatever fails', async t => {
  const { pass, memory } = recorder()
  let n = 0
  memory.state.fault = name => (name === 'write' && n++ % 2 === 0 ? 'EIO' : undefined)
  pass(400, true)
  t.equal(memory.leaks(), 0)
})
