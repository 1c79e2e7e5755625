import t from 'tap'
import { answerTo, responseOf } from '../../preload/core/http.ts'

const PAGE = { kind: 'page' }
const WAIT = { kind: 'wait' }
const refused = (status: string, ...headers: string[]) => ({ kind: 'refusal', status, headers })
const BAD = refused('400 Bad Request')

for (const [name, received, want] of [
  ['nothing yet', '', WAIT],
  ['half of a request line', 'GET /met', WAIT],
  ['a head without its end', 'GET /metrics HTTP/1.1\r\nHost: a\r\n', WAIT],
  ['the page', 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n', PAGE],
  ['the page for HTTP/1.0, without a header', 'GET /metrics HTTP/1.0\r\n\r\n', PAGE],
  ['bare newlines, as a person types them', 'GET /metrics HTTP/1.1\n\n', PAGE],
  ['with a query', 'GET /metrics?collect[]=a&b HTTP/1.1\r\n\r\n', PAGE],
  ['what follows the head is not looked at', 'GET /metrics HTTP/1.1\r\n\r\nGET / HTTP/1.1', PAGE],
  ['another path', 'GET / HTTP/1.1\r\n\r\n', refused('404 Not Found')],
  ['a longer path', 'GET /metrics/ HTTP/1.1\r\n\r\n', refused('404 Not Found')],
  ['the path in a query', 'GET /?/metrics HTTP/1.1\r\n\r\n', refused('404 Not Found')],
  ['another host in the target', 'GET http://a/metrics HTTP/1.1\r\n\r\n', refused('404 Not Found')],
  ['another method', 'POST /metrics HTTP/1.1\r\n\r\nbody', refused('405 Method Not Allowed', 'Allow: GET')],
  ['HEAD', 'HEAD /metrics HTTP/1.1\r\n\r\n', refused('405 Method Not Allowed', 'Allow: GET')],
  ['another method on another path', 'PUT / HTTP/1.1\r\n\r\n', refused('404 Not Found')],
  ['HTTP/2 in plain text', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', BAD],
  ['a method in lower case', 'get /metrics HTTP/1.1\r\n\r\n', BAD],
  ['no version', 'GET /metrics\r\n\r\n', BAD],
  ['a space too many', 'GET  /metrics HTTP/1.1\r\n\r\n', BAD],
  ['the request line in the second line', 'x\r\nGET /metrics HTTP/1.1\r\n\r\n', BAD],
  ['an empty line first', '\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n', BAD],
  ['TLS', '\u0016\u0003\u0001\n\n', BAD],
] as const)
  t.test(name, async t => t.strictSame(answerTo(received, '/metrics'), want))

const TOO_LARGE = refused('431 Request Header Fields Too Large')
const START = 'GET /metrics HTTP/1.1\r\nX: '
for (const [name, length, isWhole, want] of [
  ['the longest head', 8192, true, PAGE],
  ['a head that is too long', 8193, true, TOO_LARGE],
  ['the longest that is waited for', 8192, false, WAIT],
  ['one that has no end', 8193, false, TOO_LARGE],
] as const)
  t.test(name, async t => {
    const head = START + 'x'.repeat(length - START.length)
    t.strictSame(answerTo(isWhole ? `${head}\r\n\r\n` : head, '/metrics'), want)
  })

t.test('a response, with and without headers of its own', async t => {
  t.equal(
    responseOf('200 OK', ['Content-Type: text/plain'], 'ab\n'),
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab\n',
  )
  t.equal(
    responseOf('404 Not Found', [], ''),
    'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  )
})
