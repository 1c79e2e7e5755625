// The boot line of the built bundle in real Node, and everywhere that there is none.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EMPTY, emptyFolder, GUARD, NODE, recordsIn, runNode, startNode } from './node.ts'

// With the semi-space set, heap_size_limit is the flag and 48 MB on every major, wherever this runs.
const heap = (mb: number): string => `--max-semi-space-size=16 --max-old-space-size=${mb}`
const boot = async (nodeOptions: string, env: Readonly<Record<string, string>>) => {
  const { code, stdout, stderr } = await runNode({ args: ['-p', '1'], preload: GUARD, nodeOptions, env })
  t.strictSame({ code, stdout }, { code: 0, stdout: '1\n' })
  return recordsIn(stderr)
}

t.jobs = 4

t.test('one line, before the app, with every number and where it came from', async t => {
  const { stdout, stderr } = await runNode({
    args: ['-e', 'require("fs").writeSync(2, "the app runs\\n"); console.log(process.version)'],
    preload: GUARD,
    nodeOptions: heap(384),
    env: { CONTAINER_MEMORY_MB: '600' },
  })
  const lines = stderr.split('\n')
  const first = JSON.parse(lines[0] ?? '')
  t.strictSame(Object.keys(first).slice(0, 6), ['time', 'level', 'name', 'event', 'pid', 'msg'])
  t.match(first, {
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    level: 'info',
    name: 'heapguard',
    event: 'heap-validated',
    version: JSON.parse(readFileSync('package.json', 'utf8')).version,
    nodeVersion: stdout.trim(),
    isPid1: false,
    heapLimitMB: 432,
    heapCeilingMB: 384,
    heapCeilingSource: 'flag',
    containerMemoryMB: 600,
    containerMemorySource: 'env',
    containerMemoryPath: 'CONTAINER_MEMORY_MB',
    heapLimitRatio: 0.72,
    warnRatio: 0.85,
    verdict: 'fits',
  })
  t.notOk('remedy' in first)
  t.equal(lines[1], 'the app runs')
})

for (const [name, mb, env, want] of [
  ['exactly 85 % does not warn', 377, { CONTAINER_MEMORY_MB: '500' }, { level: 'info', heapLimitRatio: 0.85 }],
  ['one MB more warns', 378, { CONTAINER_MEMORY_MB: '500' }, { level: 'warn', verdict: 'exceeds' }],
  ['440 of 512 warns', 392, { CONTAINER_MEMORY_MB: '512' }, { level: 'warn', heapLimitMB: 440, verdict: 'exceeds' }],
  ['384 of 512 does not', 336, { CONTAINER_MEMORY_MB: '512' }, { level: 'info', heapLimitMB: 384, verdict: 'fits' }],
  [
    'another warn line',
    336,
    { CONTAINER_MEMORY_MB: '512', HEAPGUARD_WARN_PERCENT: '74' },
    { level: 'warn', warnRatio: 0.74, verdict: 'exceeds' },
  ],
] as const)
  t.test(name, async t => {
    const records = await boot(heap(mb), env)
    t.match(records[0], { event: 'heap-validated', ...want })
    if (want.level === 'warn') t.match(records[0], { remedy: /^--max-old-space-size=\d+/, msg: /NODE_OPTIONS/ })
  })

t.test('a bad value is one line with the rule and the default', async t => {
  const records = await boot('', {
    HEAPGUARD_INTERVAL_MS: 'soon',
    HEAPGUARD_WARN_PERCENT: '0.9',
    CONTAINER_MEMORY_MB: '999',
  })
  t.match(records, [
    { event: 'config-problem', level: 'warn', variable: 'HEAPGUARD_WARN_PERCENT', value: '0.9', used: '85', msg: /90/ },
    { event: 'config-problem', variable: 'HEAPGUARD_INTERVAL_MS', value: 'soon', used: '60000' },
    { event: 'heap-validated', containerMemoryMB: 999 },
    { event: 'shutdown' },
  ])
})

t.test('the log level decides what is said', async t => {
  const env = { CONTAINER_MEMORY_MB: '100', HEAPGUARD_LOG_FORMAT: 'x' }
  const events = async (level: string) =>
    (await boot(heap(384), { ...env, HEAPGUARD_LOG_LEVEL: level })).map(record => record.event)
  t.strictSame(await events('info'), ['config-problem', 'heap-validated', 'shutdown'])
  t.strictSame(await events('warn'), ['config-problem', 'heap-validated'])
  t.strictSame(await events('error'), [])
  t.strictSame(await events('silent'), [])
})

const LOOK = `console.log(JSON.stringify({
  listeners: process.eventNames().map(name => [String(name), process.listenerCount(name)]),
  own: Reflect.ownKeys(process).length, cache: Object.keys(require.cache) }))`

t.test('nothing at all: the same listeners as a process without NODE_OPTIONS, and no byte', async t => {
  const bare = await runNode({ args: ['-e', LOOK] })
  for (const [name, start] of Object.entries({
    'HEAPGUARD_ENABLED=0': { env: { HEAPGUARD_ENABLED: '0' } },
    'HEAPGUARD_ENABLED=off beside bad settings': { env: { HEAPGUARD_ENABLED: 'off', HEAPGUARD_INTERVAL_MS: 'x' } },
    'a file under node --test': { env: { NODE_TEST_CONTEXT: 'child-v8' } },
  })) {
    const off = await runNode({ args: ['-e', LOOK], preload: GUARD, ...start })
    t.strictSame({ ...off, ms: 0 }, { ...bare, ms: 0 }, name)
  }
})

t.test('a worker thread: no line of its own, no listener', async t => {
  const script = `const { Worker } = require('worker_threads')
    new Worker(${JSON.stringify(LOOK)}, { eval: true }).on('exit', () => console.log('over'))`
  const [bare, guarded] = await Promise.all([
    runNode({ args: ['-e', script] }),
    runNode({ args: ['-e', script], preload: GUARD }),
  ])
  t.equal(guarded.stdout, bare.stdout)
  t.strictSame(
    recordsIn(guarded.stderr).map(record => record.event),
    ['heap-validated', 'shutdown'],
    "the main thread's two lines",
  )
})

t.test('loaded twice: one guard', async t => {
  const { stderr } = await runNode({ args: ['-e', ''], preload: `${GUARD} --require ${GUARD}` })
  t.equal(recordsIn(stderr).filter(record => record.event === 'heap-validated').length, 1)
  const again = await runNode({ args: ['-e', `require(${JSON.stringify(GUARD)})`], preload: GUARD })
  t.equal(recordsIn(again.stderr).filter(record => record.event === 'heap-validated').length, 1)
})

t.test("npm's own process is left alone; the app that it starts is not", async t => {
  const npm = process.env.npm_execpath ?? realpathSync(execFileSync('sh', ['-c', 'command -v npm']).toString().trim())
  const folder = emptyFolder()
  const version = await runNode({ args: [npm, '--version'], preload: GUARD, cwd: folder })
  t.equal(version.code, 0)
  t.strictSame(recordsIn(version.stderr), [])
  const bin = join(NODE, '..')
  const run = await runNode({
    args: [npm, 'exec', '--offline', '-c', 'node -p 6*7'],
    preload: GUARD,
    cwd: folder,
    env: { PATH: `${bin}:${process.env.PATH}`, npm_config_loglevel: 'error' },
  })
  t.match(run.stdout, /42/)
  t.equal(recordsIn(run.stderr).filter(record => record.event === 'heap-validated').length, 1)
})

t.test('a Node that is too old runs the app in silence', async t => {
  // What an older Node does with the bundle: it cannot resolve a `node:` import.
  const script = `const { Module } = require('module'); const load = Module._load
    Module._load = function (name, ...rest) { if (name.startsWith('node:')) throw new Error('no such module'); return load.call(this, name, ...rest) }
    require(${JSON.stringify(GUARD)}); console.log('the app runs')`
  const { code, stdout, stderr } = await runNode({ args: ['-e', script] })
  t.strictSame({ code, stdout, stderr }, { code: 0, stdout: 'the app runs\n', stderr: '' })
})

t.test('a fault inside the guard is one line, and the app runs', async t => {
  const folder = emptyFolder()
  const { code, stdout, stderr } = await runNode({
    args: [
      '-e',
      `process.listenerCount = () => { throw new Error('planted') }; require(${JSON.stringify(GUARD)}); console.log('the app runs')`,
    ],
    cwd: folder,
  })
  t.strictSame({ code, stdout }, { code: 0, stdout: 'the app runs\n' })
  t.equal(stderr, 'heapguard: could not start (planted); the app runs without it\n')
})

t.test('modules behind a link are found as without the guard, though stderr is a pipe', async t => {
  // Node 20 and 22 take what the last stat left behind for the path's own, when they resolve it.
  const folder = emptyFolder()
  mkdirSync(join(folder, 'store/node_modules/b'), { recursive: true })
  mkdirSync(join(folder, 'store/a'))
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'store/a/index.js'), "console.log(require('b'), __filename)")
  writeFileSync(join(folder, 'store/node_modules/b/index.js'), "module.exports = 'b'")
  symlinkSync(join(folder, 'store/a'), join(folder, 'node_modules/a'))
  writeFileSync(join(folder, 'app.js'), "require('a')")
  const [bare, guarded] = await Promise.all(
    [EMPTY, GUARD].map(preload => runNode({ args: ['app.js'], preload, cwd: folder })),
  )
  t.match(bare, { code: 0, stdout: /^b .*store\/a\/index\.js\n$/ })
  t.equal(guarded?.stdout, bare?.stdout)
})

t.test('ESM, stdin and a REPL-less start get their line too', async t => {
  for (const args of [['--input-type=module', '-e', 'console.log(import.meta.url !== undefined)']])
    t.match(recordsIn((await runNode({ args, preload: GUARD })).stderr)[0], { event: 'heap-validated' })
  const piped = startNode({ args: ['-'], preload: GUARD, stdin: 'pipe' })
  piped.child.stdin?.end('console.log("from stdin")')
  const end = await piped.ended
  t.equal(end.stdout, 'from stdin\n')
  t.match(recordsIn(end.stderr)[0], { event: 'heap-validated' })
})
