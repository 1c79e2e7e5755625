import { constants } from 'node:os'

/**
 * @typedef {import('node:http').Server} Server
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {(level: 'info' | 'error', event: string, fields?: object) => void} Log
 */

/**
 * The first SIGTERM or SIGINT ends the service in an orderly way: no new connection, the requests in flight are
 * finished, idle connections are closed, and then nothing keeps the process alive, so it ends with 0. Requests that
 * last longer than `deadlineMs` are cut off, and the exit code 1 says so. A second signal exits at once, with
 * 128 + its number as shells have it.
 *
 * Call it before anything else listens to the server's requests: it has to see all of them.
 * @param {Server} server
 * @param {{ deadlineMs: number, log: Log }} options
 */
export function drainOnSignals(server, { deadlineMs, log }) {
  /** @type {Set<Response>} */
  const inFlight = new Set()
  const state = { draining: false }

  server.on('request', (_request, response) => {
    inFlight.add(response)
    if (state.draining) response.setHeader('Connection', 'close')
    response.once('close', () => {
      inFlight.delete(response)
      // A connection whose response had its headers before the signal is kept alive by them, and is idle from here on.
      if (state.draining) setImmediate(() => server.closeIdleConnections())
    })
  })

  /** @param {NodeJS.Signals} signal */
  const onSignal = signal => {
    if (state.draining) {
      log('error', 'exit-now', { msg: `second signal with ${inFlight.size} requests in flight`, signal })
      process.exit(128 + constants.signals[signal])
    }
    state.draining = true
    const startedMs = performance.now()
    for (const response of inFlight) if (!response.headersSent) response.setHeader('Connection', 'close')
    let closed = false
    server.close(() => {
      closed = true
      log('info', 'stopped', { drainMs: Math.round(performance.now() - startedMs) })
    })
    server.closeIdleConnections()
    log('info', 'draining', { signal, inFlight: inFlight.size })
    setTimeout(() => {
      if (closed) process.exit() // nobody was cut off: whatever still runs, it is for nobody
      log('error', 'drain-timeout', { msg: `requests cut off after ${deadlineMs} ms`, inFlight: inFlight.size })
      process.exit(1)
    }, deadlineMs).unref()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return state
}
