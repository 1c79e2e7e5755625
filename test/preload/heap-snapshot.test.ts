// HEAPGUARD_HEAP_SNAPSHOT in real Node, on the built bundle: written once where there is room, refused where there is none.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, recordsIn, runNode, type Start } from './node.ts'

/**
 * Climbs over both rungs, and ends in good order behind the second. Between the two it collects: V8's own marking may not be
 * over by then on a busy machine, and the first rung is told by what a collection leaves. Says whether V8's flags were others
 * while a snapshot was written, and whether they were at the end: its tag for cached code covers them.
 */
const climbs = (folder: string, env: Readonly<Record<string, string>> = {}): Start => ({
  args: [
    '--expose-gc',
    '-e',
    `const kept = []
    let isHalf = false
    const token = ['secret', 'of', 'the', 'app'].join('-')
    const v8 = require('v8')
    const { writeHeapSnapshot, cachedDataVersionTag } = v8
    const before = cachedDataVersionTag()
    const said = []
    v8.writeHeapSnapshot = path => {
      said.push(cachedDataVersionTag() === before)
      return writeHeapSnapshot(path)
    }
    const timer = setInterval(() => {
      for (let n = 0; n < 2000; n++) kept.push({ n, token, list: [n] })
      const share = process.memoryUsage().heapUsed / (32 * 1048576)
      if (!isHalf && share > 0.5) {
        isHalf = true
        gc()
      }
      if (share < 0.85) return
      clearInterval(timer)
      setTimeout(() => {
        console.log(...said, cachedDataVersionTag() === before)
        process.exit(3)
      }, 300)
    }, 20)`,
  ],
  preload: GUARD,
  nodeOptions: '--max-old-space-size=32 --max-semi-space-size=1',
  env: {
    HEAPGUARD_HEAP_SNAPSHOT: 'true',
    HEAPGUARD_DIR: folder,
    HEAPGUARD_PULSE_MS: '50',
    HEAPGUARD_WARN_PERCENT: '40',
    HEAPGUARD_CRITICAL_PERCENT: '65',
    ...env,
  },
})
const snapshotsIn = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.heapsnapshot'))
const saidOf = (stderr: string) => recordsIn(stderr).filter(({ what }) => what === 'heap snapshot')

t.test('written at the first rung, for the owner alone, and not again at the second', async t => {
  const folder = emptyFolder()
  const { stdout, stderr, code } = await runNode(climbs(folder))
  t.equal(code, 3)
  t.equal(
    stdout,
    'false true\n',
    "V8 counts no collection of the snapshot's against the app, and counts again afterwards",
  )
  const rungs = recordsIn(stderr).filter(({ event }) => event === 'pressure')
  t.match(rungs, [{ rung: 'warn' }, { rung: 'critical' }])
  const [name = '', ...more] = snapshotsIn(folder)
  t.strictSame(more, [])
  t.match(name, /^heapguard-\d{8}T\d{9}Z-\d+-[0-9a-f]{6}\.heapsnapshot$/)
  const path = join(folder, name)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const { snapshot, strings } = JSON.parse(readFileSync(path, 'utf8'))
  t.ok(snapshot.node_count > 10_000, `${snapshot.node_count} nodes`)
  t.ok(strings.includes('secret-of-the-app'), 'it holds values, as the line says')
  const said = saidOf(stderr)
  t.match(said, [
    { level: 'info', reason: 'being written', msg: /holds everything/ },
    { level: 'info', reason: 'written' },
  ])
  t.equal(said.length, 2)
  for (const { msg } of said) t.ok(msg.includes(path), msg)
  t.comment(said.at(-1)?.msg)
})

/** Fills its heap to nine tenths of the limit, and has V8 collect twelve times in a row. */
const collects = (how: string): Start => ({
  args: [
    '--expose-gc',
    '-e',
    `const v8 = require('v8')
    // Since Node 26 V8 ends a process from 95 % on.
    if (Number.parseInt(process.versions.node) >= 26) v8.setFlagsFromString('--ineffective-gc-size-threshold=0.8')
    const { read } = require('./dist/evidence.js').startProfiler()
    const kept = []
    const old = () => v8.getHeapSpaceStatistics().reduce(
      (sum, { space_name, space_used_size }) => sum + (space_name.startsWith('new') ? 0 : space_used_size), 0)
    while (old() < 0.88 * 32 * 1048576) {
      for (let n = 0; n < 1000; n++) kept.push({ n, list: [n] })
      gc({ type: 'minor' })
    }
    gc()
    for (let n = 0; n < 12; n++) ${how}()
    process.exit(3)`,
  ],
  nodeOptions: '--max-old-space-size=32 --max-semi-space-size=1',
})

t.test('V8 ends a process after four collections in vain, but counts none that a profile calls for', async t => {
  t.match(await runNode(collects('gc')), { signal: 'SIGABRT', stderr: /Ineffective mark-compacts/ })
  t.match(await runNode(collects('read')), { code: 3, stderr: '' })
})

t.test('the end of a profile that nobody reads calls for no collection', async t => {
  const script = `const { startProfiler } = require('./dist/evidence.js')
    startProfiler().stop()
    const another = startProfiler()
    console.log(another === undefined ? 'still sampling' : 'ended')
    if (process.argv[1] === 'read') another.read()
    another.stop()`
  const collected = async (word: string) => {
    const { stdout, code } = await runNode({ args: ['--trace-gc', '-e', script, word] })
    t.equal(code, 0)
    t.match(stdout, /^ended$/m)
    return stdout.includes('sampling profiler')
  }
  t.equal(await collected('read'), true, 'V8 says that it collects for one')
  t.equal(await collected('none'), false)
})

t.test('flags that an operator has frozen are left alone: V8 ends a process that sets one', async t => {
  const args = ['--freeze-flags-after-init', '-e', `require('./dist/evidence.js').startProfiler().read()`]
  t.match(await runNode({ args }), { code: 0, stderr: '' })
})

t.test('no room in the container: one line with the arithmetic, and no file', async t => {
  const folder = emptyFolder()
  const { stderr, code } = await runNode(climbs(folder, { CONTAINER_MEMORY_MB: '200' }))
  t.equal(code, 3)
  const said = saidOf(stderr)
  t.equal(said.length, 1)
  t.match(said[0], {
    level: 'warn',
    event: 'evidence-problem',
    reason: /^it may take 20 times the heap's [\d.]+ MB, [\d.]+ MB, and the container has [\d.]+ MB left$/,
  })
  t.strictSame(snapshotsIn(folder), [])
})

t.test('the file cannot be made: one line', async t => {
  const { stderr, code } = await runNode(climbs('/proc/no-such-folder'))
  t.equal(code, 3)
  const said = saidOf(stderr)
  t.equal(said.length, 1)
  t.match(said[0], { level: 'warn', reason: 'ENOENT' })
})

t.test('it fails on the way: one line, no part of it is left, and it is not tried again', async t => {
  const folder = emptyFolder()
  const start = climbs(folder)
  const fails = `require('v8').writeHeapSnapshot = path => {
      require('fs').writeFileSync(path, '{"snapshot":')
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }\n`
  const { stderr, code } = await runNode({
    ...start,
    args: start.args.map(arg => (arg.startsWith('-') ? arg : fails + arg)),
  })
  t.equal(code, 3)
  const said = saidOf(stderr)
  t.match(said, [
    { level: 'info', reason: 'being written' },
    { level: 'warn', reason: 'ENOSPC' },
  ])
  t.equal(said.length, 2)
  t.strictSame(snapshotsIn(folder), [])
})

t.test('without HEAPGUARD_DIR: a line at boot, and nothing is written', async t => {
  const { stderr, code } = await runNode(climbs(''))
  t.equal(code, 3)
  const problems = recordsIn(stderr).filter(({ event }) => event === 'config-problem')
  t.match(problems, [{ variable: 'HEAPGUARD_HEAP_SNAPSHOT', used: 'false', msg: /HEAPGUARD_DIR/ }])
  t.strictSame(saidOf(stderr), [])
})

t.test('not asked for: a folder alone brings no snapshot', async t => {
  const folder = emptyFolder()
  const { stderr } = await runNode(climbs(folder, { HEAPGUARD_HEAP_SNAPSHOT: '' }))
  t.match(recordsIn(stderr), [{ event: 'heap-validated' }, { event: 'pressure' }])
  t.strictSame(saidOf(stderr), [])
  t.strictSame(snapshotsIn(folder), [])
})
