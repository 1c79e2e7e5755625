// As much of HTTP/1.1 as one page for GET takes. node:http would show each scrape to whatever watches the app's own
// requests: tracers, diagnostics channels, patched prototypes.

/** What is to be done about what a client has sent so far. */
export type Answer =
  /** The head is not complete. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'page' }
  | { readonly kind: 'refusal'; readonly status: string; readonly headers: readonly string[] }

const MOST_HEAD_CHARACTERS = 8192

const refusal = (status: string, ...headers: string[]): Answer => ({ kind: 'refusal', status, headers })

/**
 * The answer to `received`, one character a byte: the page for `GET path`, with or without a query, else why not. Nothing
 * after the head is looked at. Never throws.
 */
export function answerTo(received: string, path: string): Answer {
  const end = received.search(/\r?\n\r?\n/)
  if (end > MOST_HEAD_CHARACTERS || (end < 0 && received.length > MOST_HEAD_CHARACTERS))
    return refusal('431 Request Header Fields Too Large')
  if (end < 0) return { kind: 'wait' }
  const [line = ''] = received.split(/\r?\n/, 1)
  const [, method, target = ''] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(line) ?? []
  if (method === undefined) return refusal('400 Bad Request')
  if (target.replace(/\?.*/, '') !== path) return refusal('404 Not Found')
  return method === 'GET' ? { kind: 'page' } : refusal('405 Method Not Allowed', 'Allow: GET')
}

/** A whole response, for one request a connection; the body is ASCII. */
export function responseOf(status: string, headers: readonly string[], body: string): string {
  const head = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${body.length}`, 'Connection: close']
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
