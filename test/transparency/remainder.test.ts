// The differences that are left, each shown. docs/transparency.md says why they are.
import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { EMPTY, emptyFolder, GUARD, NODE, runNode } from '../preload/node.ts'
import { MAJOR, runCase } from './harness.ts'

const HIDE = resolve('test/fixtures/hide-signal-internals.cjs')
/** What a script prints without the guard, and with it (its lines are sent elsewhere). */
async function both(
  script: string,
  more: { args?: readonly string[]; env?: Record<string, string>; before?: string } = {},
) {
  const before = more.before === undefined ? '' : `${more.before} --require `
  const [bare, guarded] = await Promise.all(
    [EMPTY, GUARD].map(preload =>
      runNode({
        args: [...(more.args ?? []), '-e', script],
        preload: before + preload,
        env: { HEAPGUARD_LOG_FILE: '/dev/null', ...more.env },
      }),
    ),
  )
  return {
    bare: bare?.stdout.trim(),
    guarded: guarded?.stdout.trim(),
    bareErrors: bare?.stderr,
    errors: guarded?.stderr,
  }
}

t.jobs = 3

t.test('one listener for exit and one for newListener', async t => {
  const { bare, guarded } = await both(
    `console.log(process.listenerCount('exit'), process.listenerCount('newListener'))`,
  )
  const [exits, news] = (bare ?? '').split(' ').map(Number)
  t.equal(guarded, `${(exits ?? 0) + 1} ${(news ?? 0) + 1}`)
})

t.test('ids of timers and of async resources start higher', async t => {
  const { bare, guarded } = await both(
    `console.log(+setTimeout(() => {}, 1) > 0 && +setTimeout(() => {}, 1), new (require('async_hooks').AsyncResource)('x').asyncId())`,
  )
  const [timer = 0, id = 0] = (bare ?? '').split(' ').map(Number)
  const [timerThen = 0, idThen = 0] = (guarded ?? '').split(' ').map(Number)
  t.ok(timerThen > timer && timerThen <= timer + 2, `${timer}, ${timerThen}`)
  t.ok(idThen > id && idThen <= id + 3, `${id}, ${idThen}`)
})

t.test('node:v8 is among the loaded modules from the first look on', async t => {
  const { bare, guarded } = await both(
    `const at = () => process.moduleLoadList.includes('NativeModule v8'); const was = at(); setTimeout(() => console.log(was, at()), 1300)`,
  )
  t.strictSame([bare, guarded], ['false false', 'false true'])
})

t.test('a signal handler has one more frame beneath it', async t => {
  const script = `process.on('SIGTERM', () => { console.log(new Error('x').stack.split('\\n').filter(line => line.includes('/dist/boot.js')).length); process.exit() }); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)`
  const { bare, guarded } = await both(script)
  t.strictSame([bare, guarded], ['0', '1'])
})

t.test(
  'an async_hooks init hook that runs while Node makes the handle finds process.emit as an own accessor',
  async t => {
    const script = `require('async_hooks').createHook({ init(_, type) { if (type === 'SIGNALWRAP') globalThis.seen = Object.hasOwn(process, 'emit') } }).enable(); process.on('SIGTERM', () => {}); console.log(seen, Object.hasOwn(process, 'emit'))`
    const { bare, guarded } = await both(script)
    t.strictSame([bare, guarded], ['false false', 'true false'])
  },
)

t.test('--trace-sync-io warns of the reads and writes of a tick', async t => {
  const { bareErrors, errors } = await both('setTimeout(() => {}, 100)', {
    args: ['--trace-sync-io'],
    env: { HEAPGUARD_INTERVAL_MS: '20' },
  })
  t.strictSame([bareErrors?.includes('sync API'), errors?.includes('sync API')], [false, true])
})

t.test(
  'on a Node with other internals: one listener more while the app listens, in the async context of the first',
  async t => {
    const { bare, guarded } = await both(
      `process.on('SIGTERM', () => {}); console.log(process.listenerCount('SIGTERM'))`,
      { before: HIDE },
    )
    t.strictSame([bare, guarded], ['1', '2'])
  },
)

t.test('the cases compare both: a quiet start, and a whole guard from the start', async t => {
  const bootRead = async (way: 'quiet' | 'file'): Promise<string> => {
    const { seen } = await runCase(
      {
        script: 'console.log(globalThis.opened.filter(name => /boot\\.js$/.test(name)).length)',
        files: {
          'spy.cjs': `const fs = require('node:fs'); const { readFileSync } = fs; globalThis.opened = [];
            fs.readFileSync = (...args) => { globalThis.opened.push(String(args[0])); return readFileSync(...args) }`,
        },
        nodeOptions: preload => `--max-old-space-size=384 --require ./spy.cjs --require ${preload}`,
      },
      GUARD,
      way,
    )
    return seen.stdout
  }
  t.equal(await bootRead('quiet'), '0\n', 'preload.js alone')
  t.equal(await bootRead('file'), '1\n', 'boot.js too')
})

t.test("the channel of Node's worker threads has a subscriber", async t => {
  const { bare, guarded } = await both(`console.log(require('diagnostics_channel').hasSubscribers('worker_threads'))`)
  t.strictSame([bare, guarded], ['false', 'true'])
})

t.test("NODE_DEBUG prints the guard's own loads and timer", async t => {
  const { bareErrors, errors } = await both('', { env: { NODE_DEBUG: 'timer,module' } })
  const isSeen = (text = ''): boolean[] => [/^TIMER /m.test(text), /REQUEST node:fs /.test(text)]
  t.strictSame(
    [isSeen(bareErrors), isSeen(errors)],
    [
      [false, false],
      [true, true],
    ],
  )
})

t.test('an async_hooks before hook sees the pulse', async t => {
  const { bare, guarded } = await both(
    `const { createHook, executionAsyncResource } = require('async_hooks'); let timers = 0; createHook({ before() { if (executionAsyncResource().constructor.name === 'Timeout') timers++ } }).enable(); const end = performance.now() + 200; const wait = () => performance.now() < end ? setImmediate(wait) : console.log(timers > 0); wait()`,
    { env: { HEAPGUARD_PULSE_MS: '50', HEAPGUARD_INTERVAL_MS: '20' } },
  )
  t.strictSame([bare, guarded], ['false', 'true'])
})

t.test("a diagnostic report shows Node's timer at work", async t => {
  const { bare, guarded } = await both(
    `console.log(process.report.getReport().libuv.filter(({ type }) => type === 'timer').map(handle => handle.is_active).join())`,
  )
  t.strictSame([bare, guarded], ['false', 'true'])
})

t.test('--trace-env shows what the guard reads of the environment', async t => {
  const { bareErrors, errors } = await both('', { args: MAJOR < 22 ? [] : ['--trace-env'] })
  const isSeen = (text = ''): boolean => text.includes('get "NODE_OPTIONS"')
  t.strictSame([isSeen(bareErrors), isSeen(errors)], [false, MAJOR >= 22])
})

t.test('coverage of node --test lists preload.js where it lies outside a node_modules folder', async t => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'app.test.cjs'), `require('node:test')('x', () => {})`)
  const listed = [join(folder, 'guard'), join(folder, 'node_modules', 'guard')].map(guard => {
    cpSync(resolve('dist'), guard, { recursive: true })
    const args = ['--test', '--experimental-test-coverage', 'app.test.cjs']
    const env = {
      PATH: process.env.PATH ?? '',
      HEAPGUARD_LOG_FILE: '/dev/null',
      NODE_OPTIONS: `--require ${guard}/preload.js`,
    }
    return spawnSync(NODE, args, { cwd: folder, env, encoding: 'utf8' }).stdout.includes('preload.js')
  })
  t.strictSame(listed, [true, false])
})
