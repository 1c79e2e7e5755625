// HEAPGUARD_ON_CRITICAL=sigterm in real Node, on the built bundle.
import t from 'tap'
import { emptyFolder, GUARD, recordsIn, runNode, type Start, startNode } from './node.ts'

t.jobs = 2

/** Fills the heap slowly, until V8 ends the process at 96 MB. */
const fills = (app: string): Start => ({
  args: [
    '-e',
    `${app}
    const kept = []
    setInterval(() => { for (let n = 0; n < 6000; n++) kept.push({ n, list: [n] }) }, 20)`,
  ],
  preload: GUARD,
  nodeOptions: '--max-old-space-size=96 --max-semi-space-size=1',
  // The rungs lie low, so that a busy machine has time for three looks between the second and V8's end.
  env: {
    HEAPGUARD_ON_CRITICAL: 'sigterm',
    HEAPGUARD_PULSE_MS: '50',
    HEAPGUARD_WARN_PERCENT: '40',
    HEAPGUARD_CRITICAL_PERCENT: '50',
  },
})

const drained = (stderr: string) => recordsIn(stderr).filter(({ event }) => event === 'draining')

t.test('the app shuts down in order, with its own code, before V8 ends it', async t => {
  const { code, stdout, stderr } = await runNode(
    fills("process.on('SIGTERM', signal => { console.log(signal); setTimeout(() => process.exit(7), 50) })"),
  )
  t.equal(code, 7)
  t.equal(stdout, 'SIGTERM\n', 'the handler ran once')
  t.match(drained(stderr), [{ level: 'warn', signal: 'SIGTERM' }])
  const events = recordsIn(stderr).map(({ event }) => event)
  t.ok(events.indexOf('draining') < events.indexOf('signal'), events.join())
  t.ok(events.indexOf('pressure') < events.indexOf('draining'), events.join())
  t.equal(events.at(-1), 'shutdown')
})

t.test('never twice: an app that swallows the signal dies as it would have', async t => {
  const { stdout, stderr, code, signal } = await runNode(fills("process.on('SIGTERM', () => console.log('heard'))"))
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  t.equal(stdout, 'heard\n')
  t.equal(drained(stderr).length, 1)
})

t.test('an app that somebody else has told to stop is not told again', async t => {
  const app = `process.on('SIGTERM', () => console.log('heard')); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)`
  const { stdout, stderr, code, signal } = await runNode(fills(app))
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  t.equal(stdout, 'heard\n')
  t.equal(drained(stderr).length, 0)
})

t.test('a death after its own signal is memory’s: nobody else had told the process to stop', async t => {
  const dir = emptyFolder()
  const start = fills("process.on('SIGTERM', () => {})")
  const env = { ...start.env, HEAPGUARD_DIR: dir }
  t.equal(drained((await runNode({ ...start, env })).stderr).length, 1)
  const next = await runNode({ ...start, args: ['-e', 'setTimeout(() => {}, 300)'], env })
  const [death] = recordsIn(next.stderr).filter(({ event }) => event === 'previous-death')
  t.match(death, { death: 'v8-heap-limit' })
  t.notMatch(`${death?.msg}`, /told to stop/)
})

t.test('nobody listens: one line, nothing is sent, and V8 ends it', async t => {
  const { stderr, code, signal } = await runNode(fills(''))
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  t.equal(drained(stderr).length, 0)
  t.match(
    recordsIn(stderr).filter(({ event }) => event === 'evidence-problem'),
    [{ what: 'drain', reason: 'the app does not listen to SIGTERM' }],
  )
})

t.test('an app that replaces process.kill hears nothing of it, and is sent the signal', async t => {
  const { code, stdout } = await runNode(
    fills(`process.kill = () => console.log('kill was called')
    process.on('SIGTERM', () => process.exit(7))`),
  )
  t.equal(code, 7)
  t.equal(stdout, '')
})

t.test('by default nothing is sent', async t => {
  const start = fills("process.on('SIGTERM', () => process.exit(7))")
  const { stderr, code, signal } = await runNode({ ...start, env: { ...start.env, HEAPGUARD_ON_CRITICAL: '' } })
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  t.equal(drained(stderr).length, 0)
})

t.test('a healthy app hears nothing', async t => {
  const running = startNode({
    args: ['-e', "process.on('SIGTERM', () => process.exit(7)); setTimeout(() => {}, 1500); console.log('ready')"],
    preload: GUARD,
    env: { HEAPGUARD_ON_CRITICAL: 'sigterm', HEAPGUARD_PULSE_MS: '50' },
  })
  const { code, stderr } = await running.ended
  t.equal(code, 0)
  t.equal(drained(stderr).length, 0)
})
