// A quiet start, whatever stderr is: with preload.js alone in its folder, all that a short process needs is said, and
// where it is not a quiet one there is no file to go on with.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, copyFileSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EMPTY, emptyFolder, GUARD, leastGapMs, NODE, recordsIn, runNode, startNode, withoutRecords } from './node.ts'

/** A heap that fits wherever this runs; the flag says that it is small on purpose. */
const FITS = { nodeOptions: '--max-old-space-size=384', env: { CONTAINER_MEMORY_MB: '900000' } }

/** preload.js without the files beside it. */
function alone(): string {
  const folder = emptyFolder()
  copyFileSync(GUARD, join(folder, 'preload.js'))
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}')
  return join(folder, 'preload.js')
}

const ALONE = alone()
const major = Number(/^v(\d+)/.exec(spawnSync(NODE, ['--version'], { encoding: 'utf8' }).stdout)?.[1])
const BOTH = ['heap-validated', 'shutdown']

/** Node behind a shell that has never heard of the guard, with `redirection` of its stderr; the file's text. */
async function redirected(redirection: string, script: string, preload = ALONE): Promise<string> {
  const path = join(emptyFolder(), 'log')
  const options = `NODE_OPTIONS="$1 --require $2s"`
  const line = `export ${options} CONTAINER_MEMORY_MB=900000; "$3" -e "$4" ${redirection}; exit $?`
  const words = ['sh', FITS.nodeOptions, preload.slice(0, -1), NODE, script]
  const env = ['env', '-i', `PATH=${process.env.PATH}`, `LOG=${path}`, 'sh', '-c', line, ...words]
  const child = spawn(env[0] as string, env.slice(1), { stdio: ['ignore', 'ignore', 'ignore'] })
  const code = await new Promise(done => child.on('close', done))
  t.equal(code, 5)
  return readFileSync(path, 'utf8')
}

const isWhole = (t: Test, text: string, own: string): void => {
  t.strictSame(
    recordsIn(text).map(({ event }) => event),
    BOTH,
  )
  t.equal(withoutRecords(text), own)
}

t.jobs = 2

t.test('a socket, a real pipe', async t => {
  for (const piped of [false, true]) {
    const args = ['-e', "require('fs').writeSync(2, 'own\\n'); process.exitCode = 5"]
    const { code, stderr } = await runNode({ ...FITS, args, preload: ALONE, piped })
    t.equal(code, 5)
    isWhole(t, stderr, 'own\n')
  }
})

const LAST = "require('fs').writeSync(2, 'own\\n'); process.stderr.write('last\\n'); process.exitCode = 5"

for (const how of ['>', '>>'])
  t.test(`a file, opened with ${how}: each line at its place`, async t => {
    const text = await redirected(`2${how}"$LOG"`, LAST)
    isWhole(t, text, 'own\nlast\n')
    t.match(text.split('\n').slice(1, 3), ['own', 'last'], 'between the two of the guard')
  })

t.test('a full disk is no quiet start, and the app does not hear of it', async t => {
  const text = await redirected(
    '2>/dev/full',
    "require('fs').writeFileSync(process.env.LOG, 'ran'); process.exitCode = 5",
  )
  t.equal(text, 'ran')
})

t.test('a file that is renamed while the app runs: later lines are in it', async t => {
  const path = join(emptyFolder(), 'log')
  const fd = openSync(path, 'w')
  const script = "setTimeout(() => { console.log('alive'); setTimeout(() => {}, 1500) }, 300)"
  const env = ['-i', `NODE_OPTIONS=${FITS.nodeOptions} --require ${GUARD}`, 'CONTAINER_MEMORY_MB=900000']
  const child = spawn('env', [...env, NODE, '-e', script], { stdio: ['ignore', 'pipe', fd] })
  closeSync(fd)
  child.stdout?.once('data', () => renameSync(path, `${path}.1`))
  await new Promise(done => child.on('close', done))
  isWhole(t, readFileSync(`${path}.1`, 'utf8'), '')
})

t.test('a file that the app has put another in the place of: nothing in that one', async t => {
  for (const waitMs of [0, 1500]) {
    const other = join(emptyFolder(), 'other')
    const script = `const fs = require('fs'); fs.closeSync(2); fs.openSync('${other}', 'w'); setTimeout(() => { process.exitCode = 5 }, ${waitMs})`
    const text = await redirected('2>"$LOG"', script, GUARD)
    t.strictSame(
      recordsIn(text).map(({ event }) => event),
      ['heap-validated'],
    )
    t.equal(readFileSync(other, 'utf8'), '')
  }
})

t.test('a start that fails leaves nothing behind in the app but its line', async t => {
  // A setting of the watch calls for the whole guard, whose file is not there.
  const script = `const names = process.eventNames()
    console.log(JSON.stringify(names.map(name => [String(name), process.listenerCount(name)])))`
  const bare = await runNode({ args: ['-e', script], preload: EMPTY })
  const { code, stdout, stderr } = await runNode({
    args: ['-e', script],
    preload: ALONE,
    env: { HEAPGUARD_PROFILE: 'true' },
  })
  t.strictSame({ code, stdout }, { code: 0, stdout: bare.stdout })
  t.match(stderr, /^heapguard: could not start \([^\n]*boot\.js[^\n]*\); the app runs without it\n$/)
})

t.test('in a Lambda function it is judged by what the whole guard would judge by', async t => {
  for (const piped of [false, true]) {
    const env = { ...FITS.env, AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512' }
    const { code, stderr } = await runNode({ ...FITS, args: ['-e', ''], preload: GUARD, env, piped })
    t.equal(code, 0)
    t.match(recordsIn(stderr), [
      { event: 'config-problem', variable: 'CONTAINER_MEMORY_MB', msg: /512 MB .*AWS_LAMBDA_FUNCTION_MEMORY_SIZE/ },
      { event: 'heap-validated', containerMemorySource: 'env' },
      { event: 'shutdown' },
    ])
  }
})

t.test('why it ended is told without another file', async t => {
  for (const [script, code, reason] of [
    ['throw 1', 1, 'uncaught'],
    ['Promise.reject(new Error("x"))', 1, 'uncaught'],
    ['process.exit(4)', 4, 'exit'],
    ['', 0, 'exit'],
  ] as const) {
    const end = await runNode({ ...FITS, args: ['-e', script], preload: ALONE, piped: true })
    t.equal(end.code, code, script)
    const records = recordsIn(end.stderr)
    t.strictSame(
      records.map(({ event }) => event),
      BOTH,
      `${script}: a quiet start`,
    )
    t.match(records.at(-1), { reason, exitCode: code }, script)
  }
})

t.test('a hand-over that fails at the app’s listener is tried again, and then said', async t => {
  const script = "process.on('SIGTERM', () => {}); setTimeout(() => { process.exitCode = 5 }, 1500)"
  const text = await redirected('2>"$LOG"', script)
  t.strictSame(
    recordsIn(text).map(({ event }) => event),
    BOTH,
  )
  t.match(withoutRecords(text), /^heapguard: could not go on \([^\n]*boot\.js[^\n]*\); the app runs without it\n$/)
})

t.test('a hand-over that fails says nothing where nothing is to be said', async t => {
  const other = join(emptyFolder(), 'other')
  const script = `const fs = require('fs'); fs.closeSync(2); fs.openSync('${other}', 'w'); setTimeout(() => { process.exitCode = 5 }, 1500)`
  await redirected('2>"$LOG"', script)
  t.equal(readFileSync(other, 'utf8'), '', 'a file of the app’s own')
  for (const env of [{}, { HEAPGUARD_LOG_LEVEL: 'warn' }]) {
    const { stdout } = await capturing('setTimeout(() => {}, 1500)', ALONE, env).ended
    t.equal(stdout, '', `a helper whose stderr is read ${JSON.stringify(env)}`)
  }
})

t.test(
  "worker threads are followed: an app's from its start on, a one-liner's too where that loads nothing",
  async t => {
    const app = join(emptyFolder(), 'app.js')
    // Reads Node's own list, since a require of the channel's module would load it.
    const look = "process.moduleLoadList.includes('NativeModule diagnostics_channel')"
    const follows = "require('diagnostics_channel').hasSubscribers('worker_threads')"
    const script = `const was = ${look}; const did = ${follows}
    setTimeout(() => { console.log(JSON.stringify([was, did, ${follows}])) }, 1500)`
    writeFileSync(app, script)
    const seen = async (args: readonly string[]) =>
      JSON.parse((await runNode({ ...FITS, args, preload: GUARD, piped: true })).stdout)
    const isInSnapshot = major >= 22
    t.strictSame(await seen([app]), [true, true, true])
    t.strictSame(await seen(['-e', script]), [isInSnapshot, isInSnapshot, true])
  },
)

/** A guarded node that starts another and reads its stderr; stdout is what it read. */
const capturing = (script: string, preload: string, env: Readonly<Record<string, string>> = {}) =>
  startNode({
    ...FITS,
    env: { ...FITS.env, ...env },
    args: [
      '-e',
      `const { spawn } = require('child_process')
       const child = spawn(process.execPath, ['-e', ${JSON.stringify(script)}], { stdio: ['ignore', 'inherit', 'pipe'] })
       child.stderr.on('data', text => process.stdout.write(text)); child.on('exit', code => { process.exitCode = code })`,
    ],
    preload,
  })

t.test('a helper whose stderr its guarded parent reads: not a word, and no other file is needed for that', async t => {
  const { code, stdout, stderr } = await capturing('process.exitCode = 5', ALONE).ended
  t.equal(code, 5)
  t.equal(stdout, '')
  t.strictSame(
    recordsIn(stderr).map(({ event }) => event),
    BOTH,
    'of the parent',
  )
})

const eventsIn = (text: string) => recordsIn(text).map(({ event }) => event)
const withSettings = (settings: Readonly<Record<string, string>>, script: string, preload: string) => {
  const names = Object.entries(settings).map(([name, value]) => [`HEAPGUARD_${name}`, value])
  const env = { ...FITS.env, ...Object.fromEntries(names) }
  return runNode({ ...FITS, env, args: ['-e', script], preload, piped: true })
}

t.test('settings in their plain forms need no other file', async t => {
  for (const settings of [
    ...[{ INTERVAL_MS: '30000' }, { INTERVAL_MS: '0' }, { PULSE_MS: '500' }, { LOG_FORMAT: 'json', LOG_LEVEL: 'info' }],
    ...[
      { ENABLED: 'true', SIGNALS: 'on' },
      { DIR: '', METRICS: '' },
    ],
  ]) {
    const { code, stderr } = await withSettings(settings as Record<string, string>, 'process.exitCode = 5', ALONE)
    t.equal(code, 5)
    isWhole(t, stderr, '')
  }
  const { stderr } = await withSettings({ WARN_PERCENT: '50' }, '', ALONE)
  t.match(recordsIn(stderr), [{ warnRatio: 0.5, msg: /the line is 50 %/ }, { event: 'shutdown' }])
  for (const LOG_LEVEL of ['warn', 'error'])
    t.match(await withSettings({ LOG_LEVEL }, 'process.exitCode = 5', ALONE), { code: 5, stderr: '' }, LOG_LEVEL)
})

t.test('any other form, or setting, is the whole guard’s', async t => {
  for (const settings of [
    { INTERVAL_MS: '9' },
    { PULSE_MS: '0' },
    { LOG_FORMAT: 'text' },
    { PROFILE: 'true' },
    { LOG_LEVEL: 'silent' },
  ])
    t.match(
      (await withSettings(settings as unknown as Record<string, string>, '', ALONE)).stderr,
      /^heapguard: could not start \([^\n]*boot\.js/,
      JSON.stringify(settings),
    )
})

t.test('the whole guard goes on with the settings of the start, whatever the app sets since', async t => {
  const app = `process.env.HEAPGUARD_INTERVAL_MS = '20'; process.env.HEAPGUARD_LOG_LEVEL = 'silent'; process.env.HEAPGUARD_LOG_FILE = '/dev/null'
    delete process.env.NODE_OPTIONS; delete process.env.CONTAINER_MEMORY_MB
    setTimeout(() => { process.exitCode = 5 }, 3250)`
  const { code, stderr } = await withSettings({ INTERVAL_MS: '300', PULSE_MS: '60' }, app, GUARD)
  t.equal(code, 5)
  // Eleven at most in the app's time, one for what its loading took, and one where the end is late.
  t.match(eventsIn(stderr).join(), /^heap-validated,(memory,){3,13}shutdown$/)
  t.ok(leastGapMs(stderr) < 450, `${leastGapMs(stderr)} ms between two lines`)
  t.match(recordsIn(stderr)[1], { heapCeilingMB: 384, containerMemoryMB: 900_000 }, 'the flag and the size too')
  // V8 alone may be content with what it had collected before the first look, and nothing is judged without a collection.
  const fills = `const kept = Array.from({ length: 40 }, () => new Array(131072).fill(1.5))
    setInterval(gc, 100).unref(); setTimeout(() => kept, 1500)`
  const pressed = await runNode({
    nodeOptions: '--max-old-space-size=64',
    env: { ...FITS.env, HEAPGUARD_LOG_LEVEL: 'warn', HEAPGUARD_WARN_PERCENT: '40', HEAPGUARD_PULSE_MS: '50' },
    args: ['--expose-gc', '-e', fills],
    preload: GUARD,
    piped: true,
  })
  t.match(eventsIn(pressed.stderr).join(), /^pressure(,pressure)?$/, 'and nothing of level info')
})

t.test('SIGTERM before the first look: the last memory line, and none while the app drains', async t => {
  const script = `process.on('SIGTERM', () => setTimeout(() => process.exit(5), 2000)); setInterval(() => {}, 1000)
    setTimeout(() => process.kill(process.pid, 'SIGTERM'), 60)`
  for (const settings of [{ INTERVAL_MS: '900' }, { PULSE_MS: '30000' }])
    t.strictSame(
      eventsIn((await withSettings(settings as unknown as Record<string, string>, script, GUARD)).stderr),
      ['heap-validated', 'memory', 'signal', 'shutdown'],
      JSON.stringify(settings),
    )
})

t.test('a helper whose stderr is read keeps its warnings too, where its boot line is below the level', async t => {
  // A warning that is not urgent: the look finds that it would call a function of the app's.
  const script = `const v8 = require('v8'); const { getHeapStatistics } = v8
    v8.getHeapStatistics = () => getHeapStatistics(); setTimeout(() => { process.exitCode = 5 }, 1500)`
  const env = { HEAPGUARD_LOG_LEVEL: 'warn' }
  t.match(await capturing(script, GUARD, env).ended, { code: 5, stdout: '', stderr: '' })
  t.strictSame(eventsIn((await withSettings({ LOG_LEVEL: 'warn' }, script, GUARD)).stderr), ['evidence-problem'])
})

t.test('a service there speaks when it has lived ten seconds, with the time of its start', async t => {
  const began = Date.now()
  // One that only waits, and one whose loop is blocked all the time.
  const [waiting, blocked] = await Promise.all(
    ['setTimeout(() => { process.exitCode = 5 }, 10_600)', 'while (process.uptime() < 10.1); process.exitCode = 5'].map(
      script => capturing(script, GUARD).ended,
    ),
  )
  for (const one of [waiting, blocked]) {
    t.equal(one?.code, 5)
    const stdout = `${one?.stdout}`
    const records = recordsIn(stdout)
    isWhole(t, stdout, '')
    t.ok(Date.parse(`${records[0]?.time}`) - began < 5000, `the first is of ${records[0]?.time}`)
    t.ok(Date.parse(`${records[1]?.time}`) - began > 10_000)
  }
})

t.test('an app that listens for a signal in a context of its own: no look runs in it, and it is let go', async t => {
  const script = `const { AsyncLocalStorage, createHook, executionAsyncId } = require('async_hooks')
    const store = new AsyncLocalStorage(); const timers = []
    createHook({ init: (id, type) => { if (type === 'Timeout') timers.push(String(store.getStore() && store.getStore().name)) } }).enable()
    let ref
    setTimeout(() => {
      const held = { name: 'the request' }
      ref = new WeakRef(held)
      store.run(held, () => { const f = () => {}; process.on('SIGTERM', f); process.off('SIGTERM', f) })
    }, 200)
    setTimeout(() => { gc(); setTimeout(() => { gc(); console.log(ref.deref() === undefined, timers.includes('the request')); process.exit() }, 50) }, 1500)`
  const args = ['--expose-gc', '-e', script]
  const { code, stdout, stderr } = await runNode({ ...FITS, args, preload: GUARD, piped: true })
  t.match({ code, stdout }, { code: 0, stdout: 'true false\n' })
  t.strictSame(
    recordsIn(stderr).map(({ event }) => event),
    BOTH,
  )
})

t.test('an app that listens for a signal at its start is looked at as soon as any other', async t => {
  const running = startNode({
    ...FITS,
    args: ['-e', "process.on('SIGTERM', () => process.exit(4)); setInterval(() => {}, 1000); console.log('ready')"],
    preload: GUARD,
    piped: true,
  })
  await running.says('ready')
  await new Promise(done => setTimeout(done, 1500))
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.ended
  t.equal(code, 4)
  t.match(recordsIn(stderr), [
    { event: 'heap-validated' },
    { event: 'memory' },
    { event: 'signal' },
    { event: 'shutdown' },
  ])
})

t.test('a pipe that is full at the start: the whole guard starts, and that is all', async t => {
  const path = join(emptyFolder(), 'log')
  // Read from the app's first line on, however late that is: at the boot line before it the pipe is full.
  const reader = 'until [ -e "$5.begun" ]; do sleep 0.02; done; exec cat >"$5"'
  const line = `{ head -c 65536 /dev/zero >&2; NODE_OPTIONS="$1 --require $2s" CONTAINER_MEMORY_MB=900000 "$3" -e "$4"; } 2> >(${reader}); code=$?; : >"$5.begun"; wait; exit $code`
  const script = `require('fs').writeFileSync('${path}.begun', ''); setTimeout(() => process.exit(5), 1600)`
  const words = ['bash', FITS.nodeOptions, GUARD.slice(0, -1), NODE, script, path]
  const env = ['env', '-i', `PATH=${process.env.PATH}`, 'bash', '-c', line, ...words]
  const child = spawn(env[0] as string, env.slice(1), { stdio: 'ignore' })
  t.equal(await new Promise(done => child.on('close', done)), 5)
  const text = () => readFileSync(path, 'latin1').replace(/^\0*/, '')
  while (!text().includes('shutdown')) await new Promise(done => setTimeout(done, 20))
  t.match(recordsIn(text()), [{ event: 'shutdown', exitCode: 5 }])
  t.equal(withoutRecords(text()), '', 'no word of a fault')
})

t.test('an app that puts its own in the place of process.getBuiltinModule does not hear of the guard', async t => {
  const script = `
    let calls = 0
    process.getBuiltinModule = () => { calls++ }
    setTimeout(() => console.log(calls), 1500)`
  const { code, stdout, stderr } = await runNode({
    ...FITS,
    env: { ...FITS.env, HEAPGUARD_INTERVAL_MS: '1200' },
    args: ['-e', script],
    preload: GUARD,
    piped: true,
  })
  t.match({ code, stdout }, { code: 0, stdout: '0\n' })
  t.strictSame(
    recordsIn(stderr).map(({ event }) => event),
    ['heap-validated', 'memory', 'shutdown'],
  )
})
