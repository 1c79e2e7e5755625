// The app's worker threads are counted and not held.
import t from 'tap'
import { EMPTY, GUARD, runNode } from './node.ts'

const WORKERS = 20
/** Ends workers one after the other, and counts those that a collection takes. */
const script = `
const { Worker } = require('worker_threads')
let collected = 0
const registry = new FinalizationRegistry(() => collected++)
const run = () => new Promise(done => {
  const worker = new Worker('', { eval: true })
  registry.register(worker)
  worker.once('exit', () => setImmediate(done))
})
;(async () => {
  for (let i = 0; i < ${WORKERS}; i++) await run()
  for (let i = 0; i < 100 && collected < ${WORKERS}; i++) {
    gc()
    await new Promise(done => setTimeout(done, 10))
  }
  console.log(collected)
})()`
const never = { HEAPGUARD_PULSE_MS: '0', HEAPGUARD_INTERVAL_MS: '0' }
for (const [name, preload, env] of [
  ['without the guard', EMPTY, {}],
  ['where the guard never looks', GUARD, never],
  ['at the defaults', GUARD, {}],
] as const)
  t.test(`workers that have ended are collected: ${name}`, async t => {
    const { stdout } = await runNode({ args: ['--expose-gc', '-e', script], preload, env, piped: true })
    t.equal(stdout, `${WORKERS}\n`)
  })
