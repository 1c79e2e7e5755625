import t from 'tap'
import { type Entry, jsonLine, textLine } from '../../preload/core/record.ts'

const STAMP = { time: '2026-01-02T03:04:05.678Z', pid: 42 }
const entry = (over: Partial<Entry>): Entry => ({
  level: 'info',
  event: 'memory',
  msg: 'All is well.',
  fields: {},
  ...over,
})

t.test('the common keys come first, and one newline last', async t =>
  t.equal(
    jsonLine(entry({ fields: { rssMB: 1.5, ok: true, why: 'x' } }), STAMP),
    '{"time":"2026-01-02T03:04:05.678Z","level":"info","name":"heapguard","event":"memory","pid":42,"msg":"All is well.","rssMB":1.5,"ok":true,"why":"x"}\n',
  ),
)

t.test('what is not known is absent: undefined, NaN and Infinity', async t => {
  const line = jsonLine(entry({ fields: { a: undefined, b: Number.NaN, c: Number.POSITIVE_INFINITY, d: 0 } }), STAMP)
  t.strictSame(Object.keys(JSON.parse(line)).slice(6), ['d'])
})

t.test('lists of objects', async t =>
  t.strictSame(
    JSON.parse(
      jsonLine(
        entry({
          fields: {
            suspects: [
              { site: 'f', MB: 1 },
              { site: 'g', MB: 2 },
            ],
          },
        }),
        STAMP,
      ),
    ).suspects,
    [
      { site: 'f', MB: 1 },
      { site: 'g', MB: 2 },
    ],
  ),
)

for (const [name, msg] of Object.entries({
  quotes: 'say "hello"',
  backslashes: 'C:\\new',
  'line ends': 'a\nb\r\nc\td',
  'control characters': 'a\u0000b\u001b[31mc\u007f\u009b',
  'line separators': 'a\u2028b\u2029',
  'emoji and umlauts': 'Größe 🎉',
  'lone surrogates': 'a\ud800b\udc00c',
})) {
  t.test(`JSON with ${name} is one line that reads back`, async t => {
    const line = jsonLine(entry({ msg }), STAMP)
    t.equal(JSON.parse(line).msg, msg)
    t.equal(line.split(/[\r\n\u2028\u2029]/).length, 2)
    t.equal(Buffer.from(line).toString(), line, 'no lone surrogate')
  })
  t.test(`text with ${name} is one line without control characters`, async t => {
    const line = textLine(entry({ msg }), STAMP)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    t.notMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
  })
}

t.test('an Object.prototype.toJSON of the app does not reach a line', async t => {
  Object.defineProperty(Object.prototype, 'toJSON', { value: () => 'hijacked', configurable: true })
  t.teardown(() => delete (Object.prototype as { toJSON?: unknown }).toJSON)
  t.notMatch(jsonLine(entry({ fields: { suspects: [{ site: 'f', MB: 1 }] } }), STAMP), /hijacked/)
})

for (const [name, over] of Object.entries({
  'a long sentence': { msg: 'é'.repeat(100_000) },
  'a long sentence of three bytes a character': { msg: '漢'.repeat(100_000) },
  'a long sentence of surrogate pairs': { msg: '🎉'.repeat(100_000) },
  'a sentence and names that are short in characters, not in bytes': {
    msg: 'é'.repeat(1200),
    fields: { a: 'é'.repeat(800), b: '漢'.repeat(400) },
  },
  'long names': { fields: { a: 'x'.repeat(9000), b: '漢'.repeat(9000) } },
  'long names beside numbers': { fields: { a: 'x'.repeat(9000), n: 1, yes: true } },
  'a list of long names': { fields: { suspects: [1, 2, 3].map(MB => ({ site: '漢'.repeat(3000), MB })) } },
  'a long list': { fields: { suspects: Array.from({ length: 500 }, (_, MB) => ({ site: 'somewhere', MB })) } },
} satisfies Record<string, Partial<Entry>>))
  t.test(`${name}: still one atomic write, and still JSON`, async t => {
    const line = jsonLine(entry(over), STAMP)
    t.ok(Buffer.byteLength(line) < 4096, `${Buffer.byteLength(line)} bytes`)
    t.match(JSON.parse(line), { event: 'memory', pid: 42 })
  })

t.test('a terminal line: time of day, pid, level, sentence; quotes as they are', async t => {
  t.equal(textLine(entry({ msg: 'say "a\\b"' }), STAMP), '03:04:05Z heapguard[42] info  say "a\\b"\n')
  t.ok(Buffer.byteLength(textLine(entry({ msg: 'é'.repeat(100_000) }), STAMP)) < 4096)
})
