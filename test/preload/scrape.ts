// What the tests of the metrics need: a free port, a scrape, and the text in parts.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Sends bytes and reads until the other end closes; rejects where nobody listens. */
export async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  let heard = ''
  socket.on('data', (chunk: string) => {
    heard += chunk
  })
  socket.on('connect', () => {
    socket.write(text)
  })
  await once(socket, 'close')
  return heard
}

/** GET /metrics as soon as it is served; rejects after ten seconds without. */
export async function scrape(port: number): Promise<Response & { readonly body_: string }> {
  const giveUpAt = Date.now() + 10_000
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`)
      return Object.assign(response, { body_: await response.text() })
    } catch (error) {
      if (Date.now() > giveUpAt) throw error
      await new Promise(done => setTimeout(done, 50))
    }
  }
}

/** Each value by its name with its labels. */
export const valuesIn = (text: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
