// Output that cannot hurt, on real descriptors: full, gone, closed, reused, another user's. Each is compared with the
// same app under an empty preload: it ends with the same code, in time, and finds the same flags on its descriptors.
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EMPTY, emptyFolder, GUARD, type LogRecord, NODE, recordsIn, withoutRecords } from './node.ts'

const { O_RDWR, O_WRONLY, O_NONBLOCK } = constants
const PIPE_BYTES = 65_536
/** A setting of the watch, at its default: all lines are the whole guard's, wherever this runs. quiet-start.test.ts has the others. */
const WHOLE = 'HEAPGUARD_PROFILE=true'

/** Lives for a while with a line each 20 ms, then says the flags that its descriptors have. */
const APP = `const flags = () => [0, 1, 2].map(fd => { try { return /flags:\\s*(\\d+)/.exec(require('fs').readFileSync('/proc/self/fdinfo/' + fd))[1] } catch { return 'closed' } }).join()
  const before = flags(); setTimeout(() => { console.log(before, flags()); process.exitCode = 5 }, 400);`

interface Started {
  readonly script?: string
  readonly preload?: string
  /** Descriptor 2: one of the test's, or a pipe of Node's (a socket). */
  readonly stderr: number | 'pipe'
  readonly uid?: number
  readonly intervalMs?: number
  /** More of the guard's environment, as a shell writes it. */
  readonly variables?: string
}

/** Starts node; nobody reads its stderr. */
function start({ script = APP, preload = GUARD, stderr, uid, intervalMs = 20, variables = '' }: Started) {
  // Behind a shell of the same user that has not heard of the guard (its command line lacks the name's last letter): of
  // another user's parent nothing can be known, and the guard would hold its lines.
  const line = `export NODE_OPTIONS="--require $1s" ${WHOLE} HEAPGUARD_INTERVAL_MS=$2 ${variables}; "$3" -e "$4"; exit $?`
  const shell = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const command = [...shell, 'sh', '-c', line, 'sh', preload.slice(0, -1), `${intervalMs}`, NODE, script]
  const child = spawn('env', ['-i', `PATH=${process.env.PATH}`, ...command], { stdio: ['ignore', 'pipe', stderr] })
  const killer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  let stdout = ''
  child.stdout?.on('data', chunk => {
    stdout += chunk
  })
  // On a busy machine the end is known before its last output is read.
  const read = new Promise(done => child.stdout?.on('close', done))
  // Not 'close', which waits for a stderr that nobody reads.
  const ended = new Promise<{ code: number | null; stdout: string }>(done =>
    child.on('exit', code => {
      clearTimeout(killer)
      read.then(() => done({ code, stdout }))
    }),
  )
  return { child, ended }
}

/** Both runs end with the app's own code, after it found its descriptors as they were. */
async function sameWith(t: Test, stderr: () => number | 'pipe', more: Partial<Started> = {}): Promise<void> {
  const bare = await start({ ...more, stderr: stderr(), preload: EMPTY }).ended
  const guarded = await start({ ...more, stderr: stderr() }).ended
  t.strictSame(guarded, bare)
  t.equal(bare.code, 5)
  const [before, after] = bare.stdout.trim().split(' ')
  if (after !== undefined) t.equal(before, after)
}

/** A pipe that this process holds both ends of: `fill` until it is full, `drain` what is in it. */
function fifo(folder: string, mode: 'blocking' | 'non-blocking' = 'blocking') {
  const path = join(folder, 'pipe')
  spawnSync('mkfifo', [path])
  const reader = openSync(path, O_RDWR | O_NONBLOCK)
  const writer = openSync(path, O_WRONLY | (mode === 'blocking' ? 0 : O_NONBLOCK))
  const filler = openSync(path, O_WRONLY | O_NONBLOCK)
  return {
    path,
    writer,
    fill: () => {
      try {
        for (;;) writeSync(filler, Buffer.alloc(4096, '.'))
      } catch {
        // EAGAIN: it is full.
      }
    },
    drain: (): string => {
      const buffer = Buffer.alloc(PIPE_BYTES * 2)
      try {
        return buffer.toString('utf8', 0, readSync(reader, buffer))
      } catch {
        return ''
      }
    },
    close: () => {
      for (const fd of [reader, writer, filler]) closeSync(fd)
    },
  }
}

const isRoot = process.getuid?.() === 0
const needsRoot = { skip: isRoot ? false : 'only root can run an app as another user' }

t.jobs = 3

t.test('descriptor 2 closed', async t => {
  const run = (preload: string) =>
    spawnSync(
      'sh',
      [
        '-c',
        `exec env -i PATH="$PATH" NODE_OPTIONS="--require ${preload}" ${WHOLE} HEAPGUARD_INTERVAL_MS=20 "$0" -e "$1" 2>&-`,
        NODE,
        APP,
      ],
      { encoding: 'utf8' },
    )
  const [bare, guarded] = [run(EMPTY), run(GUARD)]
  t.strictSame([guarded.status, guarded.stdout], [bare.status, bare.stdout])
  t.equal(bare.status, 5)
})

t.test('a full disk: /dev/full', async t => sameWith(t, () => openSync('/dev/full', 'w')))

t.test('the reader is gone', async t => {
  for (const preload of [EMPTY, GUARD]) {
    const { child, ended } = start({ preload, stderr: 'pipe' })
    child.stderr?.destroy()
    t.match(await ended, { code: 5 })
  }
  await sameWith(t, () => {
    const { path, close } = fifo(emptyFolder())
    const keeper = openSync(path, O_RDWR)
    const writer = openSync(path, 'w')
    close()
    closeSync(keeper)
    return writer
  })
})

for (const mode of ['blocking', 'non-blocking'] as const)
  t.test(`a full ${mode} pipe: the app goes on, and what was lost is counted once it is read again`, async t => {
    const pipe = fifo(emptyFolder(), mode)
    pipe.fill()
    await sameWith(t, () => pipe.writer)
    t.match(pipe.drain(), /^\.+$/, 'not a byte of the guard went in')

    pipe.fill()
    const script = `setTimeout(() => console.log('drain'), 200); setTimeout(() => process.exit(5), 600)`
    const { child, ended } = start({ script, stderr: pipe.writer })
    child.stdout?.once('data', () => pipe.drain())
    t.match(await ended, { code: 5 })
    const lines = recordsIn(pipe.drain())
    const dropped = lines.map(line => line.droppedLines as number)
    t.equal(lines[0]?.event, 'memory')
    t.ok((dropped[0] ?? 0) >= 2, `the first line that gets out says how many did not: ${dropped[0]}`)
    t.equal(new Set(dropped).size, 1, 'and none was lost afterwards')
    pipe.close()
  })

for (const how of ['w', 'a'] as const)
  t.test(`a file, opened with ${how === 'w' ? '>' : '>>'}: nothing is overwritten`, async t => {
    const path = join(emptyFolder(), 'log')
    const script = `const { writeSync } = require('fs'); writeSync(2, 'first\\n'); const i = setInterval(() => writeSync(2, 'between\\n'), 30)
      setTimeout(() => { clearInterval(i); process.stderr.write('last\\n'); process.exitCode = 5 }, 1500)`
    await start({ script, stderr: openSync(path, how) }).ended
    const text = readFileSync(path, 'utf8')
    const lines = text.trim().split('\n')
    t.match(withoutRecords(text), /^first\n(between\n)+last\n$/)
    t.ok(recordsIn(text).filter(record => record.event === 'memory').length >= 5)
    t.equal(lines.length, recordsIn(text).length + withoutRecords(text).trim().split('\n').length, 'each line is whole')
  })

t.test('a socket that nobody reads: the app ends in time, and the lines stop before it is full', async t => {
  const script = `setTimeout(() => { process.exitCode = 5 }, 2500)`
  const { child, ended } = start({ script, stderr: 'pipe', intervalMs: 10 })
  child.stderr?.pause()
  t.match(await ended, { code: 5 })
  let text = ''
  for await (const chunk of child.stderr ?? []) text += chunk
  const records: LogRecord[] = recordsIn(text)
  t.ok(records.length > 20 && records.length <= 80, `${records.length}`)
})

t.test('a socket that nobody reads: a warning has room kept for it, and says how many lines were lost', async t => {
  // A collection of the app's own: on a busy machine V8 may have none in time, and the level is what a collection leaves.
  const script = `const kept = []
    require('v8').setFlagsFromString('--expose-gc')
    const gc = require('vm').runInNewContext('gc')
    setTimeout(() => {
      for (let i = 0; i < 160; i++) kept.push(new Array(131072).fill(1.5))
      gc()
      setTimeout(() => { process.exitCode = 5 }, 1500)
    }, 5000)`
  const variables = 'HEAPGUARD_WARN_PERCENT=2 HEAPGUARD_PULSE_MS=50'
  const { child, ended } = start({ script, stderr: 'pipe', intervalMs: 10, variables })
  child.stderr?.pause()
  t.match(await ended, { code: 5 })
  let text = ''
  for await (const chunk of child.stderr ?? []) text += chunk
  const records = recordsIn(text)
  const [warning] = records.filter(({ event }) => event === 'pressure')
  t.ok((warning?.droppedLines as number) > 20, `${warning?.droppedLines} lines were lost before it`)
  const before = records.slice(0, records.indexOf(warning as LogRecord))
  t.strictSame([...new Set(before.map(record => record.droppedLines))], [undefined])
})

t.test("another user's pipe: within what a pipe holds", needsRoot, async t => {
  const folder = emptyFolder()
  const pipe = fifo(folder)
  chownSync(pipe.path, 4711, 4711)
  chmodSync(pipe.path, 0o600)
  const script = `setTimeout(() => { process.exitCode = 5 }, 2500)`
  t.match(await start({ script, stderr: pipe.writer, uid: 4712, intervalMs: 10 }).ended, { code: 5 })
  const records = recordsIn(pipe.drain())
  t.ok(records.length > 20 && records.length <= 80, `${records.length}`)
  pipe.close()
})

t.test("root's pipe, as a container runtime hands it to a lesser user: every line", needsRoot, async t => {
  const pipe = fifo(emptyFolder())
  chmodSync(pipe.path, 0o600)
  const { ended } = start({
    script: 'setTimeout(() => { process.exitCode = 5 }, 1500)',
    stderr: pipe.writer,
    uid: 4712,
  })
  t.match(await ended, { code: 5 })
  t.ok(recordsIn(pipe.drain()).length > 5)
  pipe.close()
})

t.test('descriptor 2 closed by the app and taken by a file of its own: nothing but its own text in it', async t => {
  const path = join(emptyFolder(), 'own')
  const script = `const fs = require('fs'); fs.closeSync(2); const fd = fs.openSync(${JSON.stringify(path)}, 'w'); fs.writeSync(fd, fd + ' is mine\\n'); setTimeout(() => { process.exitCode = 5 }, 300)`
  t.match(await start({ script, stderr: 'pipe' }).ended, { code: 5 })
  t.equal(readFileSync(path, 'utf8'), '2 is mine\n')
})

t.test('a pipe that was closed and replaced by another: nothing in that one', async t => {
  const pipe = fifo(emptyFolder())
  const script = `const fs = require('fs'); fs.closeSync(2); fs.openSync(${JSON.stringify(pipe.path)}, fs.constants.O_WRONLY); setTimeout(() => { process.exitCode = 5 }, 300)`
  t.match(await start({ script, stderr: 'pipe' }).ended, { code: 5 })
  t.equal(pipe.drain(), '')
  pipe.close()
})

const withLogFile = (path: string, script: string, cwd?: string) => {
  const env = ['-i', `NODE_OPTIONS=--require ${GUARD}`, `HEAPGUARD_LOG_FILE=${path}`, 'HEAPGUARD_INTERVAL_MS=50']
  return spawnSync('env', [...env, NODE, '-e', script], { encoding: 'utf8', cwd })
}

t.test('a log file on a full disk: the lines are lost, and the app does not hear of it', async t => {
  const { status, stdout, stderr } = withLogFile('/dev/full', 'process.exitCode = 5')
  t.strictSame({ status, stdout, stderr }, { status: 5, stdout: '', stderr: '' })
})

t.test('a log file that cannot be written: said once on stderr, where the lines are then', async t => {
  for (const [path, why] of [
    ['/nowhere/at/all.log', 'ENOENT'],
    ['/', 'EISDIR'],
    ['/etc/passwd/log', 'ENOTDIR'],
  ] as const) {
    const { status, stdout, stderr } = withLogFile(path, 'process.exitCode = 5')
    t.strictSame({ status, stdout }, { status: 5, stdout: '' })
    const [problem, ...rest] = recordsIn(stderr)
    t.match(problem, { event: 'config-problem', variable: 'HEAPGUARD_LOG_FILE', value: path, used: 'stderr' })
    t.match(problem?.msg, `(${why})`)
    t.strictSame(
      rest.map(({ event }) => event),
      ['heap-validated', 'shutdown'],
    )
  }
})

t.test('a relative log file is where it was at the start, wherever the app goes', async t => {
  const [folder, other] = [emptyFolder(), emptyFolder()]
  const { status } = withLogFile('guard.log', `process.chdir('${other}'); setTimeout(() => {}, 1500)`, folder)
  t.equal(status, 0)
  t.strictSame(readdirSync(other), [])
  const events = recordsIn(readFileSync(join(folder, 'guard.log'), 'utf8')).map(({ event }) => event)
  t.ok(events.includes('memory') && events.at(-1) === 'shutdown', events.join())
})

t.test('a FIFO as the log file that nobody reads does not stop the start', async t => {
  const path = join(emptyFolder(), 'pipe')
  spawnSync('mkfifo', [path])
  const env = ['-i', `NODE_OPTIONS=--require ${GUARD}`, `HEAPGUARD_LOG_FILE=${path}`]
  const { status } = spawnSync('env', [...env, NODE, '-e', 'process.exitCode = 5'], { timeout: 10_000 })
  t.equal(status, 5)
})
