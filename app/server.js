import { createServer } from 'node:http'
import express from 'express'
import { hashKey, openCache } from './cache.js'
import { readConfig } from './config.js'
import { demoRoutes } from './demo.js'
import { log } from './log.js'
import { openQueue, QueueFull } from './queue.js'
import { shareWork } from './share.js'
import { drainOnSignals } from './shutdown.js'
import { drawThumbnail } from './thumbnail.js'

const maxSize = 1024
const maxIdLength = 200
const maxBatch = 100
// One is drawn while the other is compressed, on a thread of its own. More at a time would end none of them sooner; they
// would take their turns one after the other before a health check gets one, and each holds its pixels meanwhile.
const drawnAtOnce = 2
const mostWaiting = 100
const wholeNumber = /^\d+$/

async function main() {
  const config = readConfig(process.env)
  const server = createServer()
  const shutdown = drainOnSignals(server, { deadlineMs: config.shutdownMs, log })
  const cache = await openCache({
    dir: config.cacheDir,
    maxBytes: config.cacheMaxBytes,
    maxEntries: config.cacheMaxEntries,
    log,
  })
  server.on('request', routes(config, cache, shutdown))
  if (shutdown.draining) return // stopped before it had started
  server.on('error', fail)
  server.listen(config.port, () => {
    const address = server.address()
    log('info', 'listening', { port: typeof address === 'object' ? address?.port : address, pid: process.pid })
  })
}

/**
 * @param {import('./config.js').Config} config
 * @param {Awaited<ReturnType<typeof openCache>>} cache
 * @param {{ draining: boolean }} shutdown
 */
function routes(config, cache, shutdown) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // express would hash each body for it; what a thumbnail looks like is known before it is drawn
  const drawing = openQueue(drawnAtOnce, mostWaiting)
  const thumbnail = thumbnails(cache, drawing)

  app.get('/healthz', (_request, response) => {
    // 503 while draining: a load balancer that asks sends its next request elsewhere.
    response.status(shutdown.draining ? 503 : 200)
    const status = shutdown.draining ? 'draining' : 'ok'
    const uptimeS = Math.round(process.uptime() * 10) / 10
    response.json({ status, uptimeS, cache: cache.stats, drawing: drawing.stats })
  })

  app.get('/thumbnails/:id', async (request, response) => {
    const wanted = parseWanted(request.params.id, request.query.size)
    if ('error' in wanted) return void response.status(400).json(wanted)
    response.set({ ETag: `"${hashKey(wanted.key)}"`, 'Cache-Control': 'public, max-age=86400' })
    if (request.fresh) return void response.status(304).end()
    const { picture, from } = await thumbnail(wanted, untilClosed(response))
    response.set('X-Cache', from).type('png').send(picture)
  })

  // Draws many at once, ahead of the page that will show them.
  app.post('/thumbnails', express.json({ limit: '64kb' }), async (request, response) => {
    const { ids, size } = request.body ?? {}
    if (!Array.isArray(ids) || ids.length === 0 || ids.length > maxBatch || !ids.every(id => typeof id === 'string')) {
      return void response.status(400).json({ error: `ids must be a list of 1 to ${maxBatch} strings` })
    }
    // All are looked at before the first is drawn: what is refused leaves nothing behind.
    const wanted = []
    for (const id of ids) {
      const one = parseWanted(id, size)
      if ('error' in one) return void response.status(400).json(one)
      wanted.push(one)
    }
    const counts = { hit: 0, miss: 0 }
    const signal = untilClosed(response)
    for (const one of wanted) counts[(await thumbnail(one, signal)).from]++
    response.json(counts)
  })

  if (config.demoMemory) app.use('/demo', demoRoutes())

  app.use((_request, response) => {
    response.status(404).json({ error: 'not found' })
  })
  app.use(answerError)
  return app
}

/**
 * Express knows an error handler by its four parameters.
 * @param {any} error
 * @param {import('express').Request} request
 * @param {import('express').Response} response
 * @param {import('express').NextFunction} _next
 */
function answerError(error, request, response, _next) {
  if (error.name === 'AbortError') return // nobody is there who would read an answer
  const status = error.status ?? 500
  // A crowd is not in the log, which it would fill: /healthz counts who was refused.
  const isFault = status >= 500 && !(error instanceof QueueFull)
  if (isFault) log('error', 'request-failed', { method: request.method, path: request.path, msg: error.stack })
  if (response.headersSent) return void response.destroy() // too late for an answer: half of one shows that it failed
  // They were meant for the picture: a cache on the way would keep the error for a day.
  for (const name of ['ETag', 'Cache-Control']) response.removeHeader(name)
  if (error instanceof QueueFull) response.set('Retry-After', `${error.retryAfterS}`)
  response.status(status).json({ error: isFault ? 'internal error' : error.message })
}

/** @typedef {{ id: string, size: number, key: string }} Wanted */

/** @type {(id: string, size: unknown) => Wanted | { error: string }} */
function parseWanted(id, size = 256) {
  const text = String(size)
  const pixels = Number(text)
  if (id.length === 0 || id.length > maxIdLength) return { error: `an id has 1 to ${maxIdLength} characters` }
  if (!wholeNumber.test(text) || pixels < 16 || pixels > maxSize) {
    return { error: `size must be a whole number from 16 to ${maxSize}` }
  }
  return { id, size: pixels, key: `thumbnail 1 ${pixels} ${id}` } // 1: the version of the drawing
}

/** Aborted once nobody can get the answer any more. @param {import('express').Response} response */
function untilClosed(response) {
  const controller = new AbortController()
  response.once('close', () => controller.abort())
  return controller.signal
}

/**
 * @param {Awaited<ReturnType<typeof openCache>>} cache
 * @param {ReturnType<typeof openQueue>} drawing
 */
function thumbnails(cache, drawing) {
  const share = shareWork()

  return (/** @type {Wanted} */ wanted, /** @type {AbortSignal} */ signal) =>
    share(wanted.key, wantedByAny => find(wanted, wantedByAny), signal)

  /** @type {(wanted: Wanted, signal: AbortSignal) => Promise<{ picture: Buffer, from: 'hit' | 'miss' }>} */
  async function find({ id, size, key }, signal) {
    const cached = await cache.get(key)
    if (cached) return { picture: cached, from: 'hit' }
    const draw = async () => {
      const picture = await drawThumbnail(id, size, signal)
      await cache.set(key, picture)
      return picture
    }
    return { picture: await drawing.run(draw, signal), from: 'miss' }
  }
}

/** What cannot be started says why in one line, and a supervisor sees that it did not start. @param {unknown} error */
function fail(error) {
  log('error', 'start-failed', { msg: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}

main().catch(fail)
