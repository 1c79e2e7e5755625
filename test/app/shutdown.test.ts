import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Service } from './service.ts'

const start = (t: Test, env: Record<string, string> = {}) =>
  Service.start(t.teardown.bind(t), { CACHE_DIR: t.testdir(), ...env })

/** A request that is in flight for as long as the caller wants: the service has its headers, but not its body. */
async function requestInFlight(service: Service) {
  const body = JSON.stringify({ ids: ['a'], size: 16 })
  const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' }
  const agent = new Agent({ keepAlive: true })
  const options = { host: '127.0.0.1', port: service.port, method: 'POST', path: '/thumbnails', headers, agent }
  const sent = request(options)
  sent.flushHeaders()
  await once(sent, 'continue')
  return {
    async finish() {
      const answered = once(sent, 'response')
      sent.end(body)
      const [response] = await answered
      let text = ''
      for await (const chunk of response) text += chunk
      return { status: response.statusCode, connection: response.headers.connection, body: JSON.parse(text) }
    },
    failed: () => once(sent, 'error'),
  }
}

/** A connection that has had an answer and is kept alive. */
async function idleConnection(service: Service): Promise<Socket> {
  const socket = connect(service.port, '127.0.0.1')
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  return socket
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets the request in flight finish, then the process ends with 0`, async t => {
    const service = await start(t)
    const flying = await requestInFlight(service)
    service.child.kill(signal)
    t.match(await service.said('draining'), { signal, inFlight: 1 })
    await t.rejects(service.get('/healthz'), { code: 'ECONNREFUSED' }, 'no new connection')
    t.same(await flying.finish(), { status: 200, connection: 'close', body: { hit: 0, miss: 1 } })
    t.same(await service.ended(), { code: 0, signal: null })
    t.same(
      service.lines.map(line => line.event),
      ['listening', 'draining', 'stopped'],
    )
    t.equal(service.stderr, '')
  })

  t.test(`${signal} a second time ends it at once, and not with 0`, async t => {
    const service = await start(t)
    const flying = await requestInFlight(service)
    service.child.kill('SIGTERM')
    await service.said('draining')
    const failed = flying.failed()
    service.child.kill(signal)
    t.same(await service.ended(), { code: signal === 'SIGTERM' ? 143 : 130, signal: null })
    t.match(service.lines.at(-1), { level: 'error', event: 'exit-now', signal })
    await failed
  })
}

t.test('idle connections are closed, and do not delay the end', async t => {
  const service = await start(t)
  const idle = [await idleConnection(service), await idleConnection(service)]
  const closed = idle.map(socket => once(socket.resume(), 'end'))
  service.child.kill('SIGTERM')
  await Promise.all(closed)
  t.same(await service.ended(), { code: 0, signal: null })
  const { drainMs } = await service.said('stopped')
  // Node keeps an idle connection for five seconds.
  t.ok((drainMs as number) < 2000, `${drainMs} ms`)
})

t.test('a connection that was promised to be kept alive is closed after its answer', async t => {
  const service = await start(t)
  // Two requests on one connection: the second is answered while draining, the connection is idle after it.
  const socket = await idleConnection(service)
  const body = JSON.stringify({ ids: ['a'], size: 16 })
  socket.write('POST /thumbnails HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n')
  socket.write(`Content-Length: ${body.length}\r\n\r\n`)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 100 /)
  service.child.kill('SIGTERM')
  await service.said('draining')
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk
  })
  socket.write(body)
  await once(socket, 'end')
  t.match(answer, /^HTTP\/1\.1 200 OK/)
  t.match(answer, /^Connection: close/im)
  t.same(await service.ended(), { code: 0, signal: null })
})

t.test('/healthz says 503 to who still has a connection while it drains', async t => {
  const service = await start(t)
  const flying = await requestInFlight(service)
  // A request that began before the signal and whose headers end after it is on a connection that is not idle.
  const socket = connect(service.port, '127.0.0.1')
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n')
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 OK/)
  service.child.kill('SIGTERM')
  await service.said('draining')
  socket.write('Host: x\r\n\r\n')
  const answer = String((await once(socket, 'data'))[0])
  t.match(answer, /^HTTP\/1\.1 503 /)
  t.match(answer, /"status":"draining"/)
  await flying.finish()
  t.same(await service.ended(), { code: 0, signal: null })
})

t.test('a request that never ends is cut off at the deadline, and the exit code says so', async t => {
  const service = await start(t, { SHUTDOWN_MS: '200' })
  const flying = await requestInFlight(service)
  const failed = flying.failed()
  service.child.kill('SIGTERM')
  t.same(await service.ended(), { code: 1, signal: null })
  t.match(service.lines.at(-1), { level: 'error', event: 'drain-timeout', inFlight: 1 })
  await failed
})

t.test(
  'the deadline is for requests: what else runs after the last of them ends with it, and not as a failure',
  async t => {
    const script = `
    import { createServer } from 'node:http'
    import { log } from ${JSON.stringify(new URL('../../app/log.js', import.meta.url).href)}
    import { drainOnSignals } from ${JSON.stringify(new URL('../../app/shutdown.js', import.meta.url).href)}
    const server = createServer()
    drainOnSignals(server, { deadlineMs: 200, log })
    server.listen(0, () => process.kill(process.pid, 'SIGTERM'))
    setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let said = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      said += text
    })
    t.same(await once(child, 'close'), [0, null])
    t.same(
      said
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).event),
      ['draining', 'stopped'],
    )
  },
)

t.test('a signal that comes before it listens ends it: it never does', async t => {
  // With its last listener there, a dozen turns are left until it listens, all of them for the cache's folder.
  const signalled = `process.on('newListener', (name, { name: its }) => {
    if (name === 'SIGINT' && its === 'onSignal') setImmediate(() => process.kill(process.pid, 'SIGTERM'))
  })`
  const service = new Service(t.teardown.bind(t), {
    CACHE_DIR: t.testdir(),
    SHUTDOWN_MS: '500',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(signalled)}`,
  })
  t.same(await service.ended(), { code: 0, signal: null })
  t.same(
    service.lines.map(line => line.event),
    ['draining', 'stopped'],
  )
  t.equal(service.stderr, '')
})
