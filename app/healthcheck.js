// For the image's HEALTHCHECK: a slim image has Node, and neither curl nor wget. Exits 0 when the service is well.
import { get } from 'node:http'

const port = process.env.PORT || '3000'
const request = get({ host: '127.0.0.1', port, path: '/healthz', timeout: 2000 }, response => {
  response.resume()
  process.exitCode = response.statusCode === 200 ? 0 : 1
})
request.on('timeout', () => request.destroy(new Error('no answer within 2 s')))
request.on('error', error => {
  console.error(error.message)
  process.exitCode = 1
})
