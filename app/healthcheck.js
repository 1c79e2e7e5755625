// For the image's HEALTHCHECK: a slim image has Node, and neither curl nor wget. Exits 0 when the service is well.
import { get } from 'node:http'
import { readConfig } from './config.js'

try {
  ask(readConfig(process.env).port)
} catch (error) {
  fail(error)
}

/** @param {number} port */
function ask(port) {
  const request = get({ host: '127.0.0.1', port, path: '/healthz', timeout: 2000 }, response => {
    response.resume()
    process.exitCode = response.statusCode === 200 ? 0 : 1
  })
  request.on('timeout', () => request.destroy(new Error('no answer within 2 s')))
  request.on('error', fail)
}

/** @param {unknown} error */
function fail(error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
