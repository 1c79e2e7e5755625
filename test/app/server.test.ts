import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { inflateSync } from 'node:zlib'
import t from 'tap'
import { type Answer, Service } from './service.ts'

const json = (answer: Answer) => JSON.parse(answer.body.toString())

t.test('a thumbnail', async t => {
  const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: t.testdir() })

  t.test('is drawn once, and comes from the cache after that', async t => {
    const drawn = await service.get('/thumbnails/one')
    const cached = await service.get('/thumbnails/one')
    t.match(drawn, { status: 200, headers: { 'content-type': 'image/png', 'x-cache': 'miss' } })
    t.match(cached, { status: 200, headers: { 'x-cache': 'hit', etag: drawn.headers.etag } })
    t.ok(drawn.body.equals(cached.body))
    t.notOk((await service.get('/thumbnails/two')).body.equals(drawn.body), 'another id is another picture')
  })

  t.test('is a PNG of the size that was asked for', async t => {
    const { body } = await service.get('/thumbnails/one?size=40')
    t.equal(body.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n')
    t.same([body.readUInt32BE(16), body.readUInt32BE(20)], [40, 40])
    const data = body.subarray(41, 41 + body.readUInt32BE(33))
    t.equal(inflateSync(data).length, 40 * (1 + 40 * 3))
    t.equal(body.readUInt32BE(body.length - 4), 0xae426082, 'the checksum of IEND, as every PNG has it')
  })

  t.test('is not sent to who has it', async t => {
    const etag = (await service.get('/thumbnails/one')).headers.etag as string
    const { status, body } = await service.get('/thumbnails/one', { 'if-none-match': etag })
    t.same({ status, length: body.length }, { status: 304, length: 0 })
    t.equal((await service.get('/thumbnails/two', { 'if-none-match': etag })).status, 200)
  })

  t.test('is drawn once for many who ask at the same time', async t => {
    const before = json(await service.get('/healthz')).cache.misses
    const answers = await Promise.all(Array.from({ length: 8 }, () => service.get('/thumbnails/crowd?size=512')))
    t.ok(answers.every(answer => answer.status === 200 && answer.body.equals(answers[0]?.body as Buffer)))
    t.equal(json(await service.get('/healthz')).cache.misses, before + 1)
  })

  t.test('can be asked for in a batch', async t => {
    const headers = { 'content-type': 'application/json' }
    const batch = (body: unknown) => service.call('POST', '/thumbnails', headers, JSON.stringify(body))
    t.same(json(await batch({ ids: ['x', 'y', 'x'], size: 16 })), { hit: 1, miss: 2 })
    t.match((await service.get('/thumbnails/y?size=16')).headers, { 'x-cache': 'hit' })
    for (const bad of [{}, { ids: [] }, { ids: [1] }, { ids: ['x'], size: 15 }, { ids: Array(101).fill('x') }, []]) {
      t.equal((await batch(bad)).status, 400, JSON.stringify(bad).slice(0, 40))
    }
    t.equal((await service.call('POST', '/thumbnails', headers, '{')).status, 400, 'not JSON')
  })

  t.test('can be asked for in a batch of a hundred, and no more', async t => {
    const headers = { 'content-type': 'application/json' }
    const batch = (length: number) =>
      service.call('POST', '/thumbnails', headers, JSON.stringify({ ids: Array(length).fill('same'), size: 16 }))
    t.same(json(await batch(100)), { hit: 99, miss: 1 })
    t.match({ ...(await batch(101)) }, { status: 400, body: /1 to 100/ })
  })

  t.test('is not drawn for a batch of which any part is refused', async t => {
    const before = json(await service.get('/healthz')).cache
    const headers = { 'content-type': 'application/json' }
    for (const bad of ['', 'x'.repeat(201)]) {
      const body = JSON.stringify({ ids: ['good 1', 'good 2', bad], size: 16 })
      t.match(json(await service.call('POST', '/thumbnails', headers, body)), { error: /an id has 1 to 200/ })
    }
    t.same(json(await service.get('/healthz')).cache, before)
  })

  for (const [path, status] of [
    ['/thumbnails/a?size=16', 200],
    ['/thumbnails/a?size=15', 400],
    ['/thumbnails/a?size=1024', 200],
    ['/thumbnails/a?size=1025', 400],
    ['/thumbnails/a?size=', 400],
    ['/thumbnails/a?size=1e2', 400],
    ['/thumbnails/a?size=64&size=64', 400],
    [`/thumbnails/${'a'.repeat(200)}?size=16`, 200],
    [`/thumbnails/${'a'.repeat(201)}?size=16`, 400],
    ['/thumbnails/..%2F..%2Fetc%2Fpasswd?size=16', 200],
    ['/thumbnails/%', 400],
    ['/thumbnails', 404],
    ['/', 404],
  ] as const) {
    t.test(`GET ${path.slice(0, 50)} is ${status}`, async t => {
      const answer = await service.get(path)
      t.equal(answer.status, status)
      if (status !== 200) t.type(json(answer).error, 'string')
    })
  }

  t.test('leaves no error in the log', async t => {
    t.same(
      service.lines.map(line => line.event),
      ['listening'],
    )
    t.equal(service.stderr, '')
  })
})

t.test('/healthz tells how long it has been up, and how the cache is', async t => {
  const service = await Service.start(t.teardown.bind(t), {
    CACHE_DIR: t.testdir(),
    CACHE_MAX_MB: '2',
    CACHE_MAX_ENTRIES: '7',
  })
  await service.get('/thumbnails/a?size=16')
  const health = json(await service.get('/healthz'))
  t.match(health, { status: 'ok', uptimeS: Number })
  t.match(health.cache, { state: 'on', entries: 1, bytes: Number, hits: 0, misses: 1 })
  t.match(health.cache, { maxEntries: 7, maxBytes: 2 * 1024 * 1024 })
})

for (const [name, env, message] of [
  ['a word', { PORT: 'http' }, 'PORT must be a whole number from 0 to 65535, not "http"'],
  ['the first port that does not exist', { PORT: '65536' }, /PORT .* not "65536"/],
  ['a negative port', { PORT: '-1' }, /PORT .* not "-1"/],
  ['a fraction', { PORT: '80.5' }, /PORT .* not "80.5"/],
  ['two bad values at once', { PORT: 'x', CACHE_MAX_MB: '0' }, /PORT .*; CACHE_MAX_MB .* from 1 to 65536, not "0"/],
] as const) {
  t.test(`${name} is refused in one clear line`, async t => {
    const service = new Service(t.teardown.bind(t), env)
    t.same(await service.ended(), { code: 1, signal: null })
    t.match(service.lines, [{ level: 'error', event: 'start-failed', msg: message }])
    t.equal(service.lines.length, 1)
    t.equal(service.stderr, '')
  })
}

t.test('a port that is taken is refused in one clear line', async t => {
  const other = createServer().listen(0)
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const service = new Service(t.teardown.bind(t), { PORT: String(port), CACHE_DIR: t.testdir() })
  t.same(await service.ended(), { code: 1, signal: null })
  t.match(service.lines, [{ level: 'error', event: 'start-failed', msg: /EADDRINUSE/ }])
})

t.test('an empty variable counts as one that is not set', async t => {
  const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: t.testdir(), CACHE_MAX_MB: '', DEMO_MEMORY: '' })
  t.equal(json(await service.get('/healthz')).cache.maxBytes, 16 * 1024 * 1024)
})

t.test('the demonstration of memory', async t => {
  for (const value of [undefined, '', '0', 'true']) {
    t.test(`is not there with DEMO_MEMORY ${value === undefined ? 'unset' : `"${value}"`}`, async t => {
      const env = value === undefined ? {} : { DEMO_MEMORY: value }
      const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: t.testdir(), ...env })
      t.equal((await service.call('POST', '/demo/heap?mb=1')).status, 404)
      t.equal((await service.call('POST', '/demo/buffers?mb=1')).status, 404)
      t.equal((await service.call('DELETE', '/demo')).status, 404)
    })
  }

  t.test('keeps what was asked for until it is told to let go', async t => {
    const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: t.testdir(), DEMO_MEMORY: '1' })
    t.same(json(await service.call('POST', '/demo/heap?mb=20')), { heapMB: 20, buffersMB: 0 })
    t.same(json(await service.call('POST', '/demo/buffers?mb=30')), { heapMB: 20, buffersMB: 30 })
    t.same(json(await service.call('POST', '/demo/buffers?mb=1')), { heapMB: 20, buffersMB: 31 })
    for (const mb of ['0', '-1', '1.5', 'x', '', '4097']) {
      t.equal((await service.call('POST', `/demo/heap?mb=${mb}`)).status, 400, mb)
    }
    t.equal((await service.call('POST', '/demo/heap')).status, 400, 'no amount')
    t.same(json(await service.get('/demo')), { heapMB: 20, buffersMB: 31 })
    t.same(json(await service.call('DELETE', '/demo')), { heapMB: 0, buffersMB: 0 })
  })
})

t.test('the demonstration takes the memory that it says it takes', async t => {
  const { demoRoutes } = await import('../../app/demo.js')
  const express = createRequire(new URL('../../app/server.js', import.meta.url))('express')
  const server = express().use('/demo', demoRoutes()).listen(0)
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const post = (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' }).then(r => r.json())
  // What the tests before this one left behind must not be collected in between.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const measure = () => {
    collect()
    return process.memoryUsage()
  }
  await post('/demo/heap?mb=1')
  const before = measure()
  await post('/demo/heap?mb=50')
  await post('/demo/buffers?mb=40')
  const after = measure()
  const grownMB = (key: 'heapUsed' | 'arrayBuffers') => (after[key] - before[key]) / 1024 / 1024
  t.ok(grownMB('heapUsed') > 40, `heap: ${grownMB('heapUsed')} MB`)
  t.ok(grownMB('arrayBuffers') > 39, `buffers: ${grownMB('arrayBuffers')} MB`)
})

t.test('an error that comes too late for an answer breaks the connection, and is said once', async t => {
  const late = `import { ServerResponse } from 'node:http'
    const { end } = ServerResponse.prototype
    ServerResponse.prototype.end = function (...given) {
      if (!this.req.url.startsWith('/thumbnails/late')) return end.apply(this, given)
      this.flushHeaders()
      throw new Error('too late')
    }`
  const service = await Service.start(t.teardown.bind(t), {
    CACHE_DIR: t.testdir(),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(late)}`,
  })
  const response = await fetch(`http://127.0.0.1:${service.port}/thumbnails/late?size=16`)
  t.equal(response.status, 200)
  await t.rejects(response.arrayBuffer())
  t.equal((await service.get('/thumbnails/other?size=16')).status, 200)
  service.child.kill('SIGTERM')
  t.same(await service.ended(), { code: 0, signal: null })
  t.match(
    service.lines.filter(line => line.level === 'error'),
    [{ event: 'request-failed', msg: /^Error: too late/ }],
  )
  t.equal(service.lines.filter(line => line.level === 'error').length, 1)
  t.equal(service.stderr, '', 'and nowhere else')
})
