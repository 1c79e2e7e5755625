// Where the metrics' port is taken: asked for again after a minute of the host's clock, and said once.
import { createRequire } from 'node:module'
import t from 'tap'
import { millis } from '../../preload/core/units.ts'
import { type OpenMetricsParts, openMetrics } from '../../preload/metrics/open.ts'

// The bundle is CommonJS and has its own.
Object.assign(globalThis, { require: createRequire(import.meta.url) })

const MINUTE = 60_000

function opened(answers: readonly (string | undefined)[]) {
  const said: unknown[] = []
  let now = 0
  let asked = 0
  const serve = (failed: (error: Error) => void) => {
    const code = answers[asked++]
    if (code !== undefined) failed(Object.assign(new Error(code), { code }))
  }
  const metrics = openMetrics({
    folder: '/guard',
    endpoint: { address: '127.0.0.1', port: 9464 },
    host: {
      uptime: () => millis(now),
      readText: () => 'module.exports.serveMetrics = (parts, failed) => (setImmediate(parts.serve, failed), () => {})',
    },
    log: { say: (record: unknown) => said.push(record) },
    serve,
  } as unknown as OpenMetricsParts)
  const lookAt = async (at: number): Promise<number> => {
    now = at
    metrics.look(millis(at))
    await new Promise(done => setImmediate(done))
    return asked
  }
  return { said, lookAt, end: metrics.end }
}

t.test('a taken port is asked for again at the minute, not before, and no more once it is free', async t => {
  const { said, lookAt } = opened(['EADDRINUSE', 'EADDRINUSE', undefined])
  t.equal(await lookAt(0), 1)
  t.equal(await lookAt(MINUTE - 1), 1)
  t.equal(await lookAt(MINUTE), 2)
  t.equal(await lookAt(2 * MINUTE - 1), 2)
  t.equal(await lookAt(2 * MINUTE), 3)
  t.equal(await lookAt(9 * MINUTE), 3, 'it is served')
  t.equal(said.length, 1)
  t.match(said[0], { level: 'info' })
})

t.test('another failure is final', async t => {
  const { said, lookAt } = opened(['EACCES', undefined])
  t.equal(await lookAt(0), 1)
  t.equal(await lookAt(9 * MINUTE), 1)
  t.equal(said.length, 1)
})

t.test('after the end nothing is asked for', async t => {
  const { lookAt, end } = opened(['EADDRINUSE', undefined])
  t.equal(await lookAt(0), 1)
  end()
  t.equal(await lookAt(MINUTE), 1)
})
