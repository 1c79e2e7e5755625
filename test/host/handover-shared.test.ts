// What the two threads share: which rungs are said; at the end a connection to the main thread is given up before Node
// waits for it.
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { openHandover } from '../../preload/host/handover.ts'

t.test('one connection at a time; it may be made again when it was given up', async t => {
  const handover = openHandover()
  t.equal(handover.connect(), true)
  t.equal(handover.connect(), false)
  handover.disconnected()
  t.equal(handover.connect(), true)
})

t.test('the end without a connection does not wait, and there is none afterwards', async t => {
  const handover = openHandover()
  const began = performance.now()
  handover.end()
  t.ok(performance.now() - began < 250)
  t.equal(handover.connect(), false)
})

t.test('the end with a connection waits until it is given up', async t => {
  const handover = openHandover()
  t.equal(handover.connect(), true)
  // Another thread, as the watchdog: gives it up when it sees that the process ends.
  const code = `const { workerData } = require('node:worker_threads'); const cells = new Int32Array(workerData, 0, 4)
    require('node:worker_threads').parentPort.postMessage('ready')
    while (Atomics.load(cells, 3) !== 2); Atomics.store(cells, 3, 3); Atomics.notify(cells, 3)`
  const worker = new Worker(code, { eval: true, workerData: handover.memory, execArgv: [], env: {} })
  await new Promise(done => worker.once('message', done))
  handover.end()
  t.equal(handover.isEnding(), false, 'it was told that the connection is gone')
  await worker.terminate()
})

t.test('a watchdog that does not answer holds the end up for a moment only', async t => {
  const handover = openHandover()
  handover.connect()
  const began = performance.now()
  handover.end()
  const ms = performance.now() - began
  t.ok(ms >= 250 && ms < 5000, `${ms} ms`)
  t.equal(handover.isEnding(), true)
  handover.disconnected()
  t.equal(handover.isEnding(), false)
})

t.test('a rung is said by one thread alone, and each once a climb', async t => {
  const main = openHandover()
  const watchdog = openHandover(main.memory)
  t.equal(main.claim('heap', 'warn'), true)
  t.equal(watchdog.claim('heap', 'warn'), false)
  t.equal(watchdog.claim('heap', 'critical'), true)
  t.equal(main.claim('heap', 'critical'), false)
  t.equal(main.claim('heap', 'warn'), false, 'a lower one is over')
  t.strictSame(main.rungs(), { heap: 'critical', container: undefined })
  t.equal(main.claim('container', 'critical'), true, 'the other resource')
  main.ease('heap')
  t.strictSame(watchdog.rungs(), { heap: undefined, container: 'critical' })
  t.equal(watchdog.claim('heap', 'warn'), true, 'the next climb')
})
