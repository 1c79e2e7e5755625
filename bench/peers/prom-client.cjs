// prom-client, as its README says: the default metrics and a server of its own to scrape them from.
const { createRequire } = require('node:module')
const client = createRequire(`${process.env.BENCH_MODULES}/package.json`)('prom-client')
client.collectDefaultMetrics()
const { createServer } = require('node:http')
const server = createServer(async (_request, response) => {
  response.setHeader('Content-Type', client.register.contentType)
  response.end(await client.register.metrics())
})
server.listen(0, '127.0.0.1').unref()
