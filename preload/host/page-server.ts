// One page, served to whoever asks for it: on node:net, unref'd, one answer a connection.
import { answerTo, responseOf } from '../core/http.ts'

/** Where to listen: an address, never a name that would have to be looked up. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

export interface Page {
  readonly path: string
  readonly type: string
  /** ASCII. Called for a request for the page alone. */
  readonly body: () => string
}

/** A client has so long for its request, and to take the answer. */
const PATIENCE_MS = 5000
/** Prometheus needs one; more are turned away, so that many slow clients cost nothing. */
const MOST_CONNECTIONS = 8

/**
 * Listens; `failed` is told once where that cannot be done, or later when the server fails. In a cluster this process
 * listens for itself. Keeps nothing alive: neither the server nor a connection. Returns its undo. Throws what Node throws
 * for an endpoint that it refuses at once, and where a permission model refuses all of them.
 */
export function servePage(endpoint: Endpoint, page: Page, failed: (error: Error) => void): () => void {
  // Node would throw that where nobody can catch it, in a later turn.
  if (!mayListen()) throw new Error('the permission model does not allow it: --allow-net')
  const { createServer } = require('node:net') as typeof import('node:net')
  // Half open: a client that has said all still gets its answer.
  const server = createServer({ allowHalfOpen: true }, socket => {
    try {
      let received = ''
      let isAnswered = false
      const drop = (): void => {
        socket.destroy()
      }
      socket.unref()
      socket.setTimeout(PATIENCE_MS, drop)
      socket.setEncoding('latin1')
      // A client that is gone is nobody's problem.
      socket.on('error', drop)
      socket.on('end', () => {
        if (!isAnswered) drop()
      })
      socket.on('data', (text: string) => {
        // What comes after the answer is read and forgotten: closing with something unread would reset the connection.
        if (isAnswered) return
        try {
          received += text
          const response = respond(received, page)
          if (response === undefined) return
          isAnswered = true
          received = ''
          socket.end(response)
        } catch {
          // Whatever the app has replaced of net: the client hears nothing, and the app neither.
          drop()
        }
      })
    } catch {
      // The same at the connection's beginning; its own timeout or the client ends it.
    }
  })
  server.maxConnections = MOST_CONNECTIONS
  server.unref()
  server.on('error', failed)
  server.listen({ host: endpoint.address, port: endpoint.port, exclusive: true })
  return () => {
    server.close()
  }
}

/** Node 24 has a permission model that lets everybody listen, and knows no such flag. */
function mayListen(): boolean {
  const { permission } = process as unknown as { readonly permission?: { has(scope: string): boolean } }
  return permission === undefined || permission.has('net') || !process.allowedNodeEnvironmentFlags.has('--allow-net')
}

/** undefined: the request is not complete. */
function respond(received: string, page: Page): string | undefined {
  const answer = answerTo(received, page.path)
  if (answer.kind === 'wait') return undefined
  if (answer.kind === 'refusal')
    return responseOf(answer.status, [...answer.headers, 'Content-Type: text/plain'], `${answer.status}\n`)
  try {
    return responseOf('200 OK', [`Content-Type: ${page.type}`], page.body())
  } catch {
    // The sample failed: the watch's own line says why.
    return responseOf('503 Service Unavailable', ['Content-Type: text/plain'], 'no sample can be taken\n')
  }
}
