// The differences that are left, each shown. docs/transparency.md says why they are.
import { resolve } from 'node:path'
import t from 'tap'
import { EMPTY, GUARD, runNode } from '../preload/node.ts'
import { runCase } from './harness.ts'

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

t.test('node:v8 is among the loaded modules', async t => {
  const { bare, guarded } = await both(`console.log(process.moduleLoadList.includes('NativeModule v8'))`)
  t.strictSame([bare, guarded], ['false', 'true'])
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
