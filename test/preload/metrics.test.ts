// The metrics in real Node, on the built bundle: what a scrape gets, and what the app sees of the server.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'
import { EMPTY, emptyFolder, GUARD, recordsIn, runNode, type Start, startNode } from './node.ts'
import { freePort, say, scrape, valuesIn } from './scrape.ts'

t.jobs = 2

/** A process that lives until it is killed, with the metrics at a port. */
async function served(port: number | string, script = 'setInterval(() => {}, 1e6)', more: Partial<Start> = {}) {
  const running = startNode({
    args: ['-e', script],
    preload: GUARD,
    nodeOptions: '--max-old-space-size=96',
    ...more,
    env: { HEAPGUARD_METRICS: String(port), HEAPGUARD_PULSE_MS: '50', CONTAINER_MEMORY_MB: '1000000', ...more.env },
  })
  return {
    ...running,
    end: () => {
      running.child.kill('SIGKILL')
      return running.ended
    },
  }
}

t.test('a scrape: every metric that is known, with the values of this process', async t => {
  const port = await freePort()
  const app = await served(port)
  const { status, headers, body_: text } = await scrape(port)
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const values = valuesIn(text)
  t.equal(values.heapguard_heap_ceiling_bytes, 96 * 1_048_576)
  t.equal(values['heapguard_verdict{verdict="fits"}'], 1)
  t.equal(values['heapguard_pressure{resource="heap"}'], 0)
  t.equal(values['heapguard_pressure{resource="container"}'], 0)
  t.equal(values.heapguard_dropped_lines_total, 0)
  t.ok(Math.abs((values.process_start_time_seconds ?? 0) * 1000 - Date.now()) < 30_000)
  t.ok((values.nodejs_heap_size_used_bytes ?? 0) > 1_000_000)
  t.ok((values.process_resident_memory_bytes ?? 0) > (values.nodejs_heap_size_total_bytes ?? Number.POSITIVE_INFINITY))
  t.ok((values['nodejs_heap_space_size_used_bytes{space="old"}'] ?? 0) > 100_000)
  const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(match => match[1]))
  const mayBeAbsent = /^heapguard_(seconds_to_limit|container_|oom_kills_total)/
  for (const { name } of METRICS) if (!mayBeAbsent.test(name)) t.ok(names.has(name), name)
  t.strictSame(
    recordsIn((await app.end()).stderr).map(({ event }) => event),
    ['heap-validated'],
  )
})

t.test('each scrape has a sample of its own', async t => {
  const port = await freePort()
  const script = `
    const kept = []
    process.stdin.on('data', () => { kept.push(Buffer.alloc(50e6, 1)); console.log('grown') })
    setInterval(() => {}, 1e6)`
  const app = await served(port, script, {
    stdin: 'pipe',
    env: { HEAPGUARD_PULSE_MS: '60000', HEAPGUARD_INTERVAL_MS: '100' },
  })
  const before = valuesIn((await scrape(port)).body_)
  app.child.stdin?.write('x')
  await app.says('grown')
  const after = valuesIn((await scrape(port)).body_)
  // What Node's own streams held at the first scrape may be collected by the second: the sum is asked for, not the step.
  const [small = Number.NaN, large = Number.NaN] = [before, after].map(values => values.heapguard_array_buffers_bytes)
  t.ok(small < 10e6, `${small} bytes before`)
  t.ok(large >= 50e6 && large < small + 52e6, `${large} bytes after, ${small} before`)
  await app.end()
})

t.test('what is asked for otherwise', async t => {
  const port = await freePort()
  const app = await served(port)
  await scrape(port)
  for (const [name, request, answer] of [
    ['another path', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 404 Not Found\r\n/],
    [
      'a body that is never read',
      `POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n${'x'.repeat(100_000)}`,
      /^HTTP\/1\.1 405 Method Not Allowed\r\nAllow: GET\r\n/,
    ],
    ['no HTTP', 'hello\n\n', /^HTTP\/1\.1 400 Bad Request\r\n/],
    ['a head without end', `GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(9000)}`, /^HTTP\/1\.1 431 /],
    [
      'two requests on one connection: one answer',
      'GET /metrics HTTP/1.1\r\n\r\n'.repeat(2),
      /^HTTP\/1\.1 200 OK\r\n(?![\s\S]*HTTP\/1\.1)/,
    ],
  ] as const)
    t.match(await say(port, request), answer, name)
  t.equal((await scrape(port)).status, 200, 'and it still serves')
  await app.end()
})

t.test('a client that says nothing is dropped after 5 s, and no more than eight are heard', async t => {
  const port = await freePort()
  const app = await served(port)
  await scrape(port)
  const began = Date.now()
  const slow = Array.from({ length: 8 }, () => say(port, 'GET'))
  // The ninth: accepted and closed at once, until one of the others is gone.
  let turnedAway = ''
  while (turnedAway === '' && Date.now() - began < 4000)
    turnedAway = await say(port, 'GET /metrics HTTP/1.1\r\n\r\n').then(
      text => (text === '' ? 'closed' : ''),
      ({ code }) => code,
    )
  t.match(turnedAway, /closed|ECONNRESET|EPIPE/)
  t.strictSame(
    await Promise.all(slow),
    Array.from({ length: 8 }, () => ''),
  )
  t.ok(Date.now() - began > 4900, `${Date.now() - began} ms`)
  t.equal((await scrape(port)).status, 200)
  await app.end()
})

t.test('a scrape while the loop is blocked waits for it', async t => {
  const port = await freePort()
  const script = `
    process.stdin.on('data', () => { console.log('blocked'); const end = Date.now() + 1500; while (Date.now() < end); })
    setInterval(() => {}, 1e6)`
  const app = await served(port, script, { stdin: 'pipe' })
  await scrape(port)
  app.child.stdin?.write('x')
  await app.says('blocked')
  const began = Date.now()
  t.equal((await scrape(port)).status, 200)
  t.ok(Date.now() - began > 500, `${Date.now() - began} ms`)
  await app.end()
})

t.test('a port that is taken is one info line; the app runs on', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { stderr, code } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 600)'],
    preload: GUARD,
    env: { HEAPGUARD_METRICS: String(port), HEAPGUARD_PULSE_MS: '50' },
  })
  taken.close()
  t.equal(code, 0)
  const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
  t.equal(problems.length, 1)
  t.match(problems[0], { level: 'info', what: 'metrics', reason: 'EADDRINUSE' })
})

t.test('an address of another machine is one warning', async t => {
  const { stderr, code } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 600)'],
    preload: GUARD,
    env: { HEAPGUARD_METRICS: '192.0.2.1:9464', HEAPGUARD_PULSE_MS: '50' },
  })
  t.equal(code, 0)
  const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
  t.equal(problems.length, 1)
  t.match(problems[0], { level: 'warn', what: 'metrics', reason: 'EADDRNOTAVAIL' })
})

t.test('a permission model that allows no network: one warning, and the app runs', async t => {
  const port = await freePort()
  const known = async (flag: string): Promise<boolean> =>
    (await runNode({ args: ['-p', `process.allowedNodeEnvironmentFlags.has('${flag}')`] })).stdout === 'true\n'
  const hasFlag = await known('--allow-net')
  const flag = (await known('--permission')) ? '--permission' : '--experimental-permission'
  const start = (...more: string[]) =>
    runNode({
      args: [flag, '--allow-fs-read=*', ...more, '-e', 'setTimeout(() => console.log("done"), 900)'],
      preload: GUARD,
      env: { HEAPGUARD_METRICS: String(port), HEAPGUARD_PULSE_MS: '50' },
    })
  const { stdout, stderr, code } = await start()
  t.match({ code, stdout }, { code: 0, stdout: 'done\n' }, stderr)
  const problems = recordsIn(stderr).filter(({ what }) => what === 'metrics')
  t.match(problems, hasFlag ? [{ level: 'warn', reason: /--allow-net/ }] : [])
  if (!hasFlag) return
  const allowed = await start('--allow-net')
  t.strictSame(
    recordsIn(allowed.stderr).filter(({ what }) => what === 'metrics'),
    [],
  )
})

t.test('loopback unless said', async t => {
  const port = await freePort()
  const app = await served(port)
  await scrape(port)
  const listening = spawnSync('cat', ['/proc/net/tcp', '/proc/net/tcp6'], { encoding: 'utf8' }).stdout
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = listening.split('\n').filter(row => row.includes(`:${hex} `) && / 0A /.test(row))
  t.equal(rows.length, 1)
  t.match(rows[0], new RegExp(`0100007F:${hex} 00000000:0000 0A`))
  await app.end()
})

t.test('the server keeps nothing alive, not even with a client that says nothing', async t => {
  const port = await freePort()
  const app = await served(port, `process.stdin.once('data', () => process.stdin.destroy())`, { stdin: 'pipe' })
  await scrape(port)
  const slow = say(port, 'GET').catch(() => '')
  await new Promise(done => setTimeout(done, 200))
  const began = Date.now()
  app.child.stdin?.write('x')
  const { code } = await app.ended
  t.equal(code, 0)
  t.ok(Date.now() - began < 3000, `${Date.now() - began} ms`)
  t.equal(await slow, '')
})

t.test('what an app can see: no http, no active handle, no span; net is loaded', async t => {
  const port = await freePort()
  const script = `
    const channels = require('node:diagnostics_channel')
    const seen = []
    for (const name of ['http.server.request.start', 'http.server.response.finish', 'net.server.socket', 'net.client.socket'])
      channels.subscribe(name, () => seen.push(name))
    process.stdin.once('data', () => {
      console.log(JSON.stringify({
        http: process.moduleLoadList.some(name => name === 'NativeModule http' || name === 'NativeModule _http_server'),
        cache: Object.keys(require.cache),
        handles: process._getActiveHandles().map(handle => handle.constructor.name),
        resources: process.getActiveResourcesInfo().filter(name => /TCP|Server/.test(name)),
        seen,
      }))
      process.exit()
    })`
  const app = await served(port, script, { stdin: 'pipe' })
  await scrape(port)
  app.child.stdin?.write('x')
  const seen = JSON.parse((await app.ended).stdout)
  t.strictSame(seen.http, false)
  t.strictSame(seen.cache, [])
  t.strictSame(
    seen.handles.filter((name: string) => name !== 'Socket'),
    [],
  )
  t.strictSame(seen.resources, [])
  t.strictSame(seen.seen, ['net.server.socket'])
})

t.test('off: net is not loaded, and nobody listens', async t => {
  const script = `setTimeout(() => console.log(process.moduleLoadList.includes('NativeModule net')), 400)`
  for (const preload of [EMPTY, GUARD]) {
    const { stdout } = await runNode({ args: ['-e', script], preload, env: { HEAPGUARD_PULSE_MS: '50' } })
    t.equal(stdout.trim(), 'false')
  }
})

t.test(
  'in a cluster each process listens for itself: one has the port, and a worker with a port of its own that',
  async t => {
    const [shared, own] = [await freePort(), await freePort()]
    const script = `
    const cluster = require('node:cluster')
    if (cluster.isPrimary) {
      cluster.fork()
      cluster.fork({ HEAPGUARD_METRICS: '${own}' })
      console.log('primary', process.pid)
    }
    setInterval(() => {}, 1e6)`
    const file = join(emptyFolder(), 'app.cjs')
    writeFileSync(file, script)
    const app = await served(shared, '', { args: [file] })
    const starts = []
    for (const port of [shared, own]) starts.push((await scrape(port)).status)
    t.strictSame(starts, [200, 200])
    await app.end()
  },
)

t.test('no worker thread of the app serves', async t => {
  const [port, workers] = [await freePort(), await freePort()]
  const script = `
    const { Worker } = require('node:worker_threads')
    new Worker('setInterval(() => {}, 1e6)', { eval: true, env: { ...process.env, HEAPGUARD_METRICS: '${workers}' } })
    setInterval(() => {}, 1e6)`
  const app = await served(port, script)
  t.equal((await scrape(port)).status, 200)
  await t.rejects(say(workers, ''), { code: 'ECONNREFUSED' })
  t.strictSame(
    recordsIn((await app.end()).stderr).filter(({ event }) => event === 'evidence-problem'),
    [],
  )
})

const require = createRequire(import.meta.url)
const isThere = (name: string): boolean => {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}

t.test(
  'the text is, byte for byte, what prom-client writes for the same registry',
  { skip: isThere('prom-client') ? false : 'prom-client is not installed: npm ci' },
  async t => {
    const { Gauge, Counter, Registry, collectDefaultMetrics } = require('prom-client')
    const port = await freePort()
    const app = await served(port)
    const { body_: text } = await scrape(port)
    await app.end()
    const register = new Registry()
    const defaults = new Registry()
    collectDefaultMetrics({ register: defaults })
    const theirs = new Map((await defaults.getMetricsAsJSON()).map((metric: { name: string }) => [metric.name, metric]))
    for (const block of text.trim().split('\n\n')) {
      const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/m.exec(block) ?? []
      const [, type] = /^# TYPE \S+ (\S+)$/m.exec(block) ?? []
      const rows = block.split('\n').slice(2)
      const labels = rows.map(row =>
        Object.fromEntries([...row.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
      )
      const labelNames = [...new Set(labels.flatMap(label => Object.keys(label)))]
      const Kind = type === 'counter' ? Counter : Gauge
      const metric = new Kind({ name, help, labelNames, registers: [register] })
      for (const [index, row] of rows.entries()) metric.inc(labels[index], Number(row.slice(row.lastIndexOf(' ') + 1)))
      if (!name.startsWith('heapguard_')) t.match(theirs.get(name), { help, type }, `${name} as prom-client has it`)
    }
    t.equal(text, await register.metrics())
  },
)
