// HEAPGUARD_WATCHDOG in real Node, on the built bundle: what is said while the main thread is blocked, that nothing is said
// twice, and what an app can see of the second thread.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { MIB, v2 } from '../fixtures/cgroup.ts'
import {
  canExcludeEnv,
  EMPTY,
  emptyFolder,
  GUARD,
  type LogRecord,
  NODE,
  recordsIn,
  runNode,
  type Start,
  startNode,
  withoutRecords,
} from './node.ts'

// Most of their time is waiting.
t.jobs = 2

const BLOCKS = 'test/fixtures/deaths/blocks.cjs'
const HEAP = '--max-old-space-size=100 --max-semi-space-size=1'
const major = Number(execFileSync(NODE, ['-p', 'process.versions.node']).toString().split('.')[0])

const guarded = (args: readonly string[], env: Start['env'] = {}, nodeOptions = HEAP): Start => ({
  args,
  preload: GUARD,
  nodeOptions,
  env: { HEAPGUARD_WATCHDOG: 'true', HEAPGUARD_PULSE_MS: '100', ...env },
})
const rungs = (stderr: string): LogRecord[] => recordsIn(stderr).filter(({ event }) => event.startsWith('pressure'))

t.test('a synchronous leak of objects: said before V8 gives up, with the code that keeps them', async t => {
  const { stderr, code, signal } = await runNode(guarded([BLOCKS, 'objects', '30']))
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  const said = rungs(stderr)
  t.ok(said.length >= 1 && said.length <= 2, `${said.length} lines`)
  for (const record of said) {
    t.match(record, { event: 'pressure', resource: 'heap', cause: 'heap' })
    t.match(record.msg, /The main thread has been blocked for [\d.]+ s, so this comes from the watchdog\./)
  }
  const suspects = said.at(-1)?.suspects as readonly { readonly site: string }[] | undefined
  t.match(suspects?.[0]?.site, /^(fill|keepObjects) \(.*blocks\.cjs:\d+\)$/)
  t.ok(stderr.indexOf('"event":"pressure"') < stderr.indexOf('FATAL ERROR'), 'before')
})

t.test('without the watchdog nothing is said of it', async t => {
  const { stderr } = await runNode(guarded([BLOCKS, 'objects', '60'], { HEAPGUARD_WATCHDOG: 'false' }))
  t.strictSame(rungs(stderr), [])
})

t.test('what the watchdog has said is not said again, and the main thread says that it is over', async t => {
  const script = `
    process.argv[2] = 'objects'; process.argv[3] = '30'; process.argv[4] = '80'
    require(${JSON.stringify(join(process.cwd(), BLOCKS))})
    // What is left is known by a collection, and V8 may leave an idle heap alone for long.
    setInterval(gc, 4000)
    // A second behind its last word, for what may be said again; or long after it should have been said.
    require('node:diagnostics_channel').subscribe('heapguard:record', ({ event }) => {
      if (event === 'pressure-eased') setTimeout(() => process.exit(), 1000)
    })
    setTimeout(() => process.exit(), 60000)`
  const { stderr, stdout, code } = await runNode(
    guarded(['--expose-gc', '-e', script, '--', 'x'], {
      HEAPGUARD_WARN_PERCENT: '50',
      HEAPGUARD_CRITICAL_PERCENT: '98',
    }),
  )
  t.equal(code, 0)
  t.equal(stdout, 'ready\nover\n')
  // Where V8 has taken all that it may, or another look may come too late, the second rung is said below its share, too or alone.
  const said = rungs(stderr).map(({ event, rung }) => `${event} ${rung}`)
  t.match(said[0], /^pressure (warn|critical)$/)
  t.equal(said.at(-1), 'pressure-eased undefined')
  t.equal(new Set(said).size, said.length, `each once: ${said}`)
  for (const { msg } of rungs(stderr).slice(0, -1)) t.match(msg, /from the watchdog/)
})

t.test('a file of the app that got descriptor 2 before the thread began: nothing of the guard in it', async t => {
  const folder = emptyFolder()
  const data = join(folder, 'data')
  const words = join(folder, 'words')
  writeFileSync(words, '')
  const script = `
    const fs = require('node:fs')
    fs.closeSync(2)
    console.log(fs.openSync(${JSON.stringify(data)}, 'w'))
    process.argv[2] = 'objects'; process.argv[3] = '30'
    require(${JSON.stringify(join(process.cwd(), BLOCKS))})`
  const env = { HEAPGUARD_TERMINATION_LOG: words, HEAPGUARD_WARN_PERCENT: '50' }
  const { stdout } = await runNode(guarded(['-e', script, '--', 'x'], env))
  t.match(stdout, /^2\nready\n/)
  t.match(readFileSync(words, 'utf8'), /from the watchdog/, 'the thread had something to say')
  t.strictSame(recordsIn(readFileSync(data, 'utf8')), [])
})

t.test('the end of the sampling calls for no collection', async t => {
  const script = `
    const { Session } = require('node:inspector')
    const { getHeapStatistics } = require('node:v8')
    const kept = []
    const isSampled = () => {
      const session = new Session()
      let answers
      session.connect()
      session.post('HeapProfiler.getSamplingProfile', error => { answers = !error })
      session.disconnect()
      return answers
    }
    setTimeout(() => {
      // Past half of the ceiling allocations are sampled, and below 60 % of it nobody asks for the profile.
      while (getHeapStatistics().used_heap_size < 55 * 1048576) kept.push(new Array(1000).fill(kept.length))
      // Time for the thread to reach this one, however long the filling took.
      const end = Date.now() + 3000
      while (Date.now() < end);
      console.log('blocked:', isSampled())
      setTimeout(() => {
        console.log('turns:', isSampled())
        process.exit()
      }, 1500)
    }, 1000)`
  // The main thread's own half of the guard does not look.
  const { stdout } = await runNode(guarded(['--trace-gc', '-e', script], { HEAPGUARD_PULSE_MS: '0' }))
  t.match(stdout, /^blocked: true$/m)
  t.match(stdout, /^turns: false$/m)
  t.equal(stdout.split('sampling profiler').length - 1, 1, "V8 collected for the app's own question alone")
})

t.test("what the watchdog leaves to the main thread: V8's report, a word on a missing termination log", async t => {
  const folder = emptyFolder()
  const canExclude = canExcludeEnv()
  const script = `
    process.argv[2] = 'objects'; process.argv[3] = '30'; process.argv[4] = '80'
    require(${JSON.stringify(join(process.cwd(), BLOCKS))})
    let turns = 0
    setInterval(() => {
      if (process.report.filename === '' && ++turns < 120) return
      console.log(process.report.filename)
      process.exit()
    }, 50)`
  const { stderr, stdout, code } = await runNode(
    guarded(
      ['-e', script, '--', 'x'],
      {
        HEAPGUARD_WARN_PERCENT: '50',
        HEAPGUARD_CRITICAL_PERCENT: '98',
        HEAPGUARD_DIR: folder,
        HEAPGUARD_TERMINATION_LOG: join(folder, 'no-such-file'),
      },
      `${HEAP} ${canExclude ? '--report-exclude-env --report-exclude-network' : ''}`,
    ),
  )
  t.equal(code, 0)
  t.match(stdout, canExclude ? /^ready\nover\nheapguard-.*\.report\.json\n$/ : 'ready\nover\n\n')
  for (const { event, msg } of rungs(stderr)) if (event === 'pressure') t.match(msg, /from the watchdog/)
  const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
  t.strictSame(
    problems.map(({ what, reason }) => [what, reason]),
    [['termination log', 'ENOENT']],
  )
})

t.test('what the watchdog writes is in the files that relative paths meant at the start', async t => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'log'), '')
  const script = `
    process.chdir('/')
    process.argv[2] = 'objects'; process.argv[3] = '30'
    require(${JSON.stringify(join(process.cwd(), BLOCKS))})`
  const start = guarded(['-e', script, '--', 'x'], {
    HEAPGUARD_TERMINATION_LOG: './log',
    HEAPGUARD_LOG_FILE: 'lines',
  })
  await runNode({ ...start, cwd: folder })
  t.match(readFileSync(join(folder, 'log'), 'utf8'), /^heapguard, .*from the watchdog/)
  const lines = readFileSync(join(folder, 'lines'), 'utf8')
  t.ok(
    rungs(lines).some(({ msg }) => /from the watchdog/.test(`${msg}`)),
    lines,
  )
})

t.test('a loop that is blocked and fills nothing is no pressure', async t => {
  const script = 'setTimeout(() => { const end = Date.now() + 1500; while (Date.now() < end); }, 1000)'
  const { stderr, code } = await runNode(guarded(['-e', script]))
  t.equal(code, 0)
  t.strictSame(
    recordsIn(stderr).map(({ event }) => event),
    ['heap-validated', 'shutdown'],
  )
})

t.test('garbage in a blocked loop is no pressure', async t => {
  const script = `setTimeout(() => {
    const end = Date.now() + 3000
    let kept = []
    while (Date.now() < end) { kept.push({ n: 1, list: [1, 2] }); if (kept.length > 300000) kept = [] }
  }, 1000)`
  const { stderr, code } = await runNode(guarded(['-e', script]))
  t.equal(code, 0)
  t.strictSame(rungs(stderr), [])
})

for (const [name, script, want] of [
  ['an exit with its own code', 'setTimeout(() => process.exit(5), 700)', { code: 5 }],
  ['the natural end', 'setTimeout(() => {}, 700)', { code: 0 }],
  ['an end before the first look', '0', { code: 0 }],
  ['an uncaught exception', 'setTimeout(() => { throw new Error("own") }, 700)', { code: 1 }],
  ['a signal', 'setTimeout(() => process.kill(process.pid, "SIGTERM"), 700)', { signal: 'SIGTERM' }],
  [
    'an exit out of a blocked loop',
    'setTimeout(() => { const end = Date.now() + 500; while (Date.now() < end); process.exit(6) }, 500)',
    { code: 6 },
  ],
] as const)
  t.test(`the end is the app's own: ${name}`, async t => {
    const end = await runNode(guarded(['-e', script]))
    t.match(end, want)
    t.ok(end.ms < 15_000, `${end.ms} ms`)
    const { stderr } = await runNode({ args: ['-e', script], preload: EMPTY, nodeOptions: HEAP })
    const without = (text: string) =>
      text
        .split('\n')
        .filter(line => !line.includes('"name":"heapguard"'))
        .join('\n')
    t.equal(without(end.stderr), stderr)
  })

/** What an app could look at, once the thread runs. */
const LOOK = `setTimeout(() => {
  const { Worker, isMainThread, threadId } = require('node:worker_threads')
  const look = {
    isMainThread, threadId,
    resources: process.getActiveResourcesInfo().filter(name => name !== 'Immediate'),
    handles: process._getActiveHandles().length,
    events: process.eventNames().map(String).sort(),
    stdout: Object.getOwnPropertyDescriptor(process, 'stdout')?.get !== undefined,
    env: Object.keys(process.env).filter(name => !name.startsWith('HEAPGUARD')).sort(),
    own: Object.keys(process).sort(),
    globals: Object.getOwnPropertyNames(globalThis).sort(),
    cache: Object.keys(require.cache),
    report: process.report.filename,
  }
  const worker = new Worker('', { eval: true })
  look.firstWorker = worker.threadId
  worker.on('exit', code => {
    look.workerExit = code
    console.log(JSON.stringify(look))
    process.exit()
  })
}, 900)`

t.test('what an app sees: the ids of its workers are one higher, and nothing else of all this', async t => {
  const [off, on] = await Promise.all(
    ['false', 'true'].map(watchdog => runNode(guarded(['-e', LOOK], { HEAPGUARD_WATCHDOG: watchdog }))),
  )
  const seen = (end: typeof off) => JSON.parse(end?.stdout || '{}')
  t.equal(seen(on).firstWorker, 2)
  t.strictSame({ ...seen(on), firstWorker: 1 }, seen(off))
})

t.test('what an app sees: a worker event, when the thread starts', async t => {
  const script = `const seen = []
    process.on('worker', worker => seen.push(worker.constructor.name))
    setTimeout(() => { console.log(seen.join()); process.exit() }, 900)`
  t.equal((await runNode(guarded(['-e', script]))).stdout, 'Worker\n')
  t.equal((await runNode(guarded(['-e', script], { HEAPGUARD_WATCHDOG: 'no' }))).stdout, '\n')
})

t.test('the thread ends before its time: the app lives on, and the sum of heap limits never had it', async t => {
  // Once it runs, however long a slow machine takes for that.
  const script = `process.on('worker', worker => worker.once('online', () => setTimeout(() => worker.terminate().then(code => {
      console.log('ended', code); setTimeout(() => { console.log('alive'); process.exit(3) }, 900)
    }), 300))); setTimeout(() => {}, 20_000)`
  // Less than this thread's limit and the main thread's.
  const env = { HEAPGUARD_INTERVAL_MS: '100', CONTAINER_MEMORY_MB: '110' }
  const { code, stdout, stderr } = await runNode(guarded(['-e', script], env))
  t.strictSame({ code, stdout }, { code: 3, stdout: 'ended 1\nalive\n' })
  t.equal(withoutRecords(stderr), '')
  // Other processes of this machine, tests beside this one, may be in it.
  for (const { event, msg } of recordsIn(stderr)) if (event === 'heap-sum') t.notMatch(msg, /workers/)
})

t.test('workers of the app are counted in the sum of heap limits, the watchdog beside them is not', async t => {
  // Its own kernel files: no other process is in the group. Two heaps of 103 MB fit, three do not.
  const folder = emptyFolder()
  for (const [path, text] of Object.entries(v2('0::/', { 'memory.max': `${250 * MIB}\n`, 'cgroup.procs': '' }))) {
    mkdirSync(dirname(folder + path), { recursive: true })
    writeFileSync(folder + path, text as string)
  }
  const script = `const { Worker } = require('node:worker_threads')
    const make = () => new Worker('setInterval(() => {}, 1000)', { eval: true })
    process.once('worker', watchdog => watchdog.once('online', () => { make(); make() }))
    setTimeout(() => {}, 20_000)`
  const kernel = `${HEAP} --require ${resolve('test/fixtures/kernel-files.cjs')}`
  const running = startNode(guarded(['-e', script], { KERNEL_FILES: folder }, kernel))
  await running.complains('"event":"heap-sum"')
  running.child.kill('SIGKILL')
  const { stderr } = await running.ended
  t.match(
    recordsIn(stderr).filter(({ event }) => event === 'heap-sum'),
    [{ isolates: 3, processes: 1, containerMemoryMB: 250 }],
  )
})

t.test('the file is missing: one line, and the watch goes on', async t => {
  const folder = emptyFolder()
  cpSync('dist', folder, { recursive: true })
  rmSync(join(folder, 'watchdog.js'))
  const { stderr, code } = await runNode({
    ...guarded(['-e', 'setTimeout(() => {}, 700)'], { HEAPGUARD_INTERVAL_MS: '200' }),
    preload: join(folder, 'preload.js'),
  })
  t.equal(code, 0)
  const said = recordsIn(stderr)
  t.match(
    said.filter(({ event }) => event === 'evidence-problem'),
    [{ what: 'watchdog', reason: /watchdog\.js is missing/ }],
  )
  t.ok(said.some(({ event }) => event === 'memory'))
})

t.test('a permission model that allows no worker: one line, and the app runs', async t => {
  const flag = major < 24 ? '--experimental-permission' : '--permission'
  const { stderr, stdout, code } = await runNode(
    guarded(
      [flag, '--allow-fs-read=*', '-e', 'setTimeout(() => console.log("done"), 700)'],
      { HEAPGUARD_INTERVAL_MS: '200' },
      HEAP,
    ),
  )
  t.equal(code, 0)
  t.equal(stdout, 'done\n')
  t.match(
    recordsIn(stderr).filter(({ event }) => event === 'evidence-problem'),
    [{ what: 'watchdog', reason: 'ERR_ACCESS_DENIED' }],
  )
})

t.test('a process from a snapshot: no thread where one would end it, and the app runs', async t => {
  const folder = emptyFolder()
  const blob = join(folder, 'app.blob')
  writeFileSync(
    join(folder, 'build.js'),
    "require('v8').startupSnapshot.setDeserializeMainFunction(() => { setTimeout(() => process.exit(3), 900) })",
  )
  // Node 20 takes a snapshot under the flags alone that it was built with.
  const built = await runNode({
    args: ['--snapshot-blob', blob, '--build-snapshot', join(folder, 'build.js')],
    nodeOptions: HEAP,
  })
  t.equal(built.code, 0)
  const { code, stderr } = await runNode(
    guarded(['--snapshot-blob', blob, 'x'], { HEAPGUARD_INTERVAL_MS: '200' }, HEAP),
  )
  t.equal(code, 3)
  const said = recordsIn(stderr)
  t.ok(said.some(({ event }) => event === 'memory'))
  t.match(
    said.filter(({ event }) => event === 'evidence-problem'),
    major === 22 || major === 24 ? [{ what: 'watchdog', reason: /from a snapshot/ }] : [],
  )
})
