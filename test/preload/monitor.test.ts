// The memory lines of the built bundle in real Node.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { EMPTY, emptyFolder, GUARD, leastGapMs, NODE, recordsIn, runNode, startNode } from './node.ts'

t.jobs = 4
const events = (stderr: string): string[] => recordsIn(stderr).map(record => record.event)

t.test('a memory line each interval, in MB, with everything that it promises', async t => {
  const running = startNode({
    args: ['-e', 'const held = Buffer.alloc(50 * 1048576, 1); setInterval(() => held, 1000)'],
    preload: GUARD,
    env: { HEAPGUARD_INTERVAL_MS: '50', CONTAINER_MEMORY_MB: '512' },
    nodeOptions: '--max-old-space-size=384',
  })
  await running.complains('"event":"memory"')
  running.child.kill('SIGKILL')
  const line = recordsIn((await running.ended).stderr).find(record => record.event === 'memory')
  for (const key of ['rssMB', 'heapTotalMB', 'heapUsedMB', 'externalMB', 'arrayBuffersMB', 'heapLimitMB', 'uptimeS'])
    t.type(line?.[key], 'number', key)
  t.match(line, { level: 'info', heapCeilingMB: 384, containerMemoryMB: 512 })
  const { arrayBuffersMB, rssMB, heapUsedMB, heapUsedRatio, containerRatio } = line as unknown as Record<string, number>
  t.ok((arrayBuffersMB ?? 0) >= 50 && (arrayBuffersMB ?? 0) < 55, 'the 50 MB Buffer is 50 MB')
  t.ok((rssMB ?? 0) > 80 && (rssMB ?? 0) < 200)
  t.ok(Math.abs((heapUsedRatio ?? 0) - (heapUsedMB ?? 0) / 384) < 0.001)
  t.type(containerRatio, 'number')
})

t.test('the monitor keeps no process alive and an empty script ends at once', async t => {
  const { ms, code, stderr } = await runNode({ args: ['-e', ''], preload: GUARD })
  t.equal(code, 0)
  t.ok(ms < 5000, `${Math.round(ms)} ms`)
  t.strictSame(events(stderr), ['heap-validated', 'shutdown'])
})

t.test('an interval of 0: no memory line', async t => {
  const { stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 200)'],
    preload: GUARD,
    env: { HEAPGUARD_INTERVAL_MS: '0' },
  })
  t.strictSame(events(stderr), ['heap-validated', 'shutdown'])
})

t.test('what the app does to globals after the load does not reach the guard', async t => {
  const script = `
    const refuse = name => () => { throw new Error('the guard called the patched ' + name) }
    const fs = require('fs'), keep = setInterval(() => {}, 1000), { setTimeout: later, clearInterval: clear } = globalThis
    const exit = process.exit
    globalThis.setInterval = globalThis.setTimeout = refuse('timer')
    globalThis.Date = class { constructor() { refuse('Date')() } }
    JSON.stringify = refuse('JSON.stringify')
    process.memoryUsage = process.uptime = refuse('process.memoryUsage')
    for (const name of ['writeSync', 'openSync', 'closeSync', 'readSync', 'readFileSync', 'fstatSync']) fs[name] = refuse(name)
    Object.prototype.toJSON = refuse('toJSON')
    require('v8').getHeapStatistics = refuse('getHeapStatistics')
    later(() => { process.exit(3) }, 1500)`
  // The whole guard wherever this runs: behind a quiet start V8's figures are taken at the first look (worked-out.test.ts).
  const env = { HEAPGUARD_INTERVAL_MS: '50', HEAPGUARD_PROFILE: 'true' }
  const { code, stderr } = await runNode({ args: ['-e', script], preload: GUARD, env })
  t.equal(code, 3)
  const seen = events(stderr)
  t.ok(seen.filter(event => event === 'memory').length >= 3, seen.join())
  t.ok(leastGapMs(stderr) < 75, `${leastGapMs(stderr)} ms between two lines`)
  // node:v8 is loaded at the first look, behind what the app has done to it by then.
  t.match(
    recordsIn(stderr).filter(({ event }) => event === 'evidence-problem'),
    [{ what: 'heap', reason: 'the app has replaced a function of node:v8' }],
  )
  t.notMatch(stderr, /patched/)
})

t.test('under a permission model that lets nothing be read but the guard: the lines go on', async t => {
  const { stdout } = spawnSync(NODE, ['-p', 'Number.parseInt(process.versions.node)'], { encoding: 'utf8' })
  const flag = Number(stdout) < 24 ? '--experimental-permission' : '--permission'
  const args = [flag, `--allow-fs-read=${dirname(GUARD)}/`, '-e', 'setTimeout(() => process.exit(3), 1500)']
  const nodeOptions = `--max-old-space-size=384 --require ${GUARD}`
  const env = { NODE_OPTIONS: nodeOptions, HEAPGUARD_INTERVAL_MS: '200', CONTAINER_MEMORY_MB: '900000' }
  // A file, since it cannot be asked who reads a pipe.
  const log = join(emptyFolder(), 'log')
  const fd = openSync(log, 'w')
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const { status } = spawnSync('env', ['-i', ...assignments, NODE, ...args], { stdio: ['ignore', 'ignore', fd] })
  closeSync(fd)
  t.equal(status, 3)
  // Eight at most in the app's time, and one for what its loading took.
  const text = readFileSync(log, 'utf8')
  t.match(events(text).join(), /^heap-validated,(memory,){2,9}shutdown$/)
  t.ok(leastGapMs(text) < 300, `${leastGapMs(text)} ms between two lines`)
})

t.test('shutdown says how it ended', async t => {
  for (const [script, code, reason] of [
    ['', 0, 'exit'],
    ['process.exit(4)', 4, 'exit'],
    ['process.exitCode = 5', 5, 'exit'],
    ['throw 1', 1, 'uncaught'],
    ['setTimeout(() => { throw new Error("x") }, 1)', 1, 'uncaught'],
    ['Promise.reject(new Error("x"))', 1, 'uncaught'],
    ['process.on("uncaughtException", () => process.exit(6)); throw 1', 6, 'exit'],
    ['process.on("uncaughtException", () => {}); throw 1', 0, 'exit'],
    // It cannot be told then, and is said all the same.
    ['Object.freeze(Error); process.exit(7)', 7, 'exit'],
    ['Error = class {}; process.exit(8)', 8, 'exit'],
  ] as const) {
    const end = await runNode({ args: ['-e', script], preload: GUARD })
    t.equal(end.code, code, script)
    t.match(recordsIn(end.stderr).at(-1), { event: 'shutdown', reason, exitCode: code, level: 'info' }, script)
  }
})

t.test('shutdown knows the peak', async t => {
  const { stderr } = await runNode({
    args: ['-e', 'Buffer.alloc(200 * 1048576, 1); for (let i = 0; i < 3; i++) globalThis.gc?.()'],
    preload: GUARD,
  })
  const peak = recordsIn(stderr).at(-1)?.peakRssMB as number
  t.ok(peak > 200 && peak < 400, `${peak}`)
})

t.test('the peak is its own, not that of the process that started it', async t => {
  const env = JSON.stringify({ HEAPGUARD_LOG_FILE: 'stdout' })
  const args = JSON.stringify(['--require', GUARD, '-e', ''])
  const script = `const held = Buffer.alloc(300 * 1048576, 1)
    const { spawnSync } = require('child_process')
    spawnSync(process.execPath, ${args}, { env: ${env}, stdio: 'inherit' }); held.fill(2)`
  const { stdout } = await runNode({ args: ['-e', script], preload: EMPTY })
  const peak = recordsIn(stdout).at(-1)?.peakRssMB as number
  t.ok(peak > 20 && peak < 200, `${peak}`)
})

t.test('process.abort and reallyExit end without a word, as they would', async t => {
  const abort = await runNode({ args: ['-e', 'process.abort()'], preload: GUARD })
  t.equal(abort.signal, 'SIGABRT')
  const really = await runNode({ args: ['-e', 'process.reallyExit(9)'], preload: GUARD })
  t.equal(really.code, 9)
  t.strictSame(events(really.stderr), ['heap-validated'])
})
