// The diagnostics channel heapguard:record in real Node: an app has the records in its own logger.
import t from 'tap'
import { GUARD, leastGapMs, recordsIn, runNode, withoutRecords } from './node.ts'

const SUBSCRIBE = `require('node:diagnostics_channel').subscribe('heapguard:record', record => HEARD)`
const run = (heard: string, rest: string, env: Readonly<Record<string, string>> = {}) =>
  runNode({
    args: ['-e', `${SUBSCRIBE.replace('HEARD', heard)}\n${rest}`],
    preload: GUARD,
    env: { HEAPGUARD_INTERVAL_MS: '100', ...env },
  })
const PRINT = `require('fs').writeSync(1, JSON.stringify(record) + '\\n')`
const told = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

t.test('each record after the subscription, as its line has it', async t => {
  const { stdout, stderr, code } = await run(PRINT, 'setTimeout(() => {}, 1500)')
  t.equal(code, 0)
  const [, ...lines] = recordsIn(stderr)
  t.ok(lines.some(({ event }) => event === 'memory') && lines.at(-1)?.event === 'shutdown')
  t.strictSame(
    told(stdout).map(({ time, ...rest }) => rest),
    lines.map(({ time, ...rest }) => rest),
  )
  for (const { time } of told(stdout)) t.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

t.test('of any level, whatever HEAPGUARD_LOG_LEVEL is', async t => {
  const { stdout, stderr } = await run(PRINT, 'setTimeout(() => {}, 1500)', { HEAPGUARD_LOG_LEVEL: 'silent' })
  t.equal(stderr, '')
  const events = told(stdout).map(({ event }) => event)
  t.ok(events.includes('memory') && events.at(-1) === 'shutdown', events.join())
})

t.test('what a subscriber throws is the app’s own exception, as on any channel; the line is written first', async t => {
  const caught = `process.on('uncaughtException', error => console.log(error.message)); setTimeout(() => {}, 1500)`
  const { stdout, stderr, code } = await run(`{ throw new Error('mine') }`, caught)
  t.equal(code, 0)
  t.match(stdout, /^(mine\n)+$/)
  t.ok(leastGapMs(stderr) < 150, 'and the watch goes on')
  t.equal(withoutRecords(stderr), '')
})

t.test('without a subscriber nothing is published, and the channel has none of the guard’s', async t => {
  const { stdout } = await runNode({
    args: ['-p', `require('node:diagnostics_channel').hasSubscribers('heapguard:record')`],
    preload: GUARD,
  })
  t.equal(stdout, 'false\n')
})
