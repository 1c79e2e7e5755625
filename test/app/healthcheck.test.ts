// What the image's HEALTHCHECK runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const script = fileURLToPath(new URL('../../app/healthcheck.js', import.meta.url))

async function check(port: string | undefined) {
  const env = { PATH: process.env.PATH, ...(port === undefined ? {} : { PORT: port }) }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text
    })
  const [code] = await once(child, 'close')
  return { code, said }
}

async function listening(t: Test, answer: RequestListener) {
  const server = createServer(answer).listen(0)
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return String((server.address() as { port: number }).port)
}

for (const [status, code] of [
  [200, 0],
  [503, 1],
  [404, 1],
] as const) {
  t.test(`a service that answers with ${status} is ${code === 0 ? 'well' : 'not well'}`, async t => {
    const port = await listening(t, ({ url }, response) => response.writeHead(url === '/healthz' ? status : 418).end())
    t.same(await check(port), { code, said: '' })
  })
}

t.test('where nothing answers one line says so', async t => {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  t.same(await check(String(port)), { code: 1, said: `connect ECONNREFUSED 127.0.0.1:${port}\n` })
})

t.test('a service that takes the connection and does not answer is given up', async t => {
  t.same(await check(await listening(t, () => {})), { code: 1, said: 'no answer within 2 s\n' })
})

t.test('a port that is none is said in one line', async t => {
  const said = 'PORT must be a whole number from 0 to 65535, not "abc"\n'
  t.same(await check('abc'), { code: 1, said })
})
