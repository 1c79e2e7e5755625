// A real Prometheus scrapes a real process, and promtool reads what it serves. Debian's package: prometheus.
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'
import { GUARD, startNode } from './node.ts'
import { missing, startPrometheus } from './prometheus.ts'
import { freePort, scrape } from './scrape.ts'

/** A process with a metrics port; its container is larger than whatever else runs on this machine. */
async function served() {
  const port = await freePort()
  const app = startNode({
    args: ['-e', 'setInterval(() => {}, 1e6)'],
    preload: GUARD,
    nodeOptions: '--max-old-space-size=96',
    env: { HEAPGUARD_METRICS: String(port), HEAPGUARD_PULSE_MS: '50', CONTAINER_MEMORY_MB: '1000000' },
  })
  return { app, port, text: (await scrape(port)).body_ }
}

t.test('promtool finds nothing to say', { skip: missing('promtool') }, async t => {
  const { app, text } = await served()
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  app.child.kill('SIGKILL')
  t.equal(status, 0)
  t.equal(stdout + stderr, '')
  const faulty = spawnSync('promtool', ['check', 'metrics'], { input: text.replace('gauge', 'gage'), encoding: 'utf8' })
  t.not(faulty.status, 0, 'it reads what it is given')
})

t.test('a real Prometheus scrapes it', { skip: missing('prometheus') }, async t => {
  const { app, port, text } = await served()
  t.teardown(() => app.child.kill('SIGKILL'))
  const { ask, first } = await startPrometheus(t, port)
  await first('up == 1')
  const { activeTargets } = await ask('targets')
  t.match(activeTargets, [{ health: 'up', lastError: '' }])
  t.equal((await first('heapguard_heap_ceiling_bytes')).value[1], String(96 * 1_048_576))
  t.match((await first('heapguard_info')).metric, { ceiling_source: 'flag', container_source: 'env', job: 'apps' })
  t.equal((await first('heapguard_pressure{resource="container"}')).value[1], '0')
  const stored = Number(
    (await first('count({__name__=~"(heapguard|nodejs|process)_.+",__name__!="heapguard_seconds_to_limit"})')).value[1],
  )
  t.equal(
    stored,
    text.split('\n').filter(line => /^(?!#|heapguard_seconds_to_limit)./.test(line)).length,
    'every series is stored',
  )
  const metadata = await ask('metadata')
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) {
    const { type, help } = METRICS.find(metric => metric.name === name) ?? {}
    t.match(metadata[name], [{ type, help }], name)
  }
  t.comment(`${stored} series, ${text.length} bytes`)
})
