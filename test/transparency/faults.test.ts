// Every function of Node's that the guard calls is made to throw, one after the other: the app runs as if nothing had
// happened, with one line at most.
import { resolve } from 'node:path'
import t from 'tap'
import { GUARD, recordsIn, runNode, withoutRecords } from '../preload/node.ts'
import { IS_FULL } from './harness.ts'

const APP = `process.on('SIGTERM', () => { console.log('got'); process.exit(3) })
  setTimeout(() => { process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000) }, 80)`
const run = (env: Record<string, string>) =>
  runNode({
    args: ['-e', APP],
    preload: resolve('test/transparency/fault.cjs'),
    env: { FAULT_GUARD: GUARD, HEAPGUARD_INTERVAL_MS: '20', ...env },
  })

const whole = await run({ FAULT_AT: '0', FAULT_COUNT: '1' })
const calls = Number(/calls (\d+)/.exec(whole.stdout)?.[1])

t.test('without a fault the loader is the guard', async t => {
  t.match(
    recordsIn(whole.stderr).map(record => record.event),
    ['heap-validated', 'memory'],
  )
  t.ok(calls > 60, `${calls} calls`)
})

for (const mode of ['once', 'on'] as const)
  t.test(mode === 'once' ? 'one call throws' : 'a call and all after it throw', async t => {
    const step = IS_FULL ? 1 : 9
    // Beyond the start the calls repeat: one tick is like the next.
    const most = Math.min(calls, 240)
    const at = Array.from({ length: Math.ceil(most / step) }, (_, i) => 1 + i * step)
    const next = async (): Promise<void> => {
      for (let n = at.shift(); n !== undefined; n = at.shift()) {
        const { code, signal, stdout, stderr } = await run({ FAULT_AT: `${n}`, FAULT_MODE: mode })
        const rest = withoutRecords(stderr)
        t.strictSame({ code, signal, stdout }, { code: 3, signal: null, stdout: 'got\n' }, `the call ${n}: ${rest}`)
        t.match(rest, /^(heapguard: could not start \(planted in [^\n]*\n)?$/, 'one line at most')
      }
    }
    await Promise.all([next(), next(), next()])
  })
