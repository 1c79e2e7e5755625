// The least of an HTTP service: what is added to it is seen best.
const { createServer } = require('node:http')
globalThis.held = Array.from({ length: Number(process.env.BENCH_HOLD_MB ?? 0) }, () => new Array(131_072).fill(1.5))
const body = 'hello\n'
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
