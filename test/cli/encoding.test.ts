// UTF-16, byte order marks, and what has neither, in whatever pieces it comes.
import t from 'tap'
import { headed, inUtf8 } from '../../cli/report/encoding.ts'

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
async function whole(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

const text = '{"name":"heapguard","msg":"ü 😀"}\r\n'
const little = Buffer.from(`\ufeff${text}`, 'utf16le')

for (const [name, bytes, want] of [
  ['UTF-16, as PowerShell writes it', little, text],
  ['UTF-16, the greater byte first', Buffer.from(little).swap16(), text],
  ['UTF-8', Buffer.from(text), text],
  ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), text],
  ['less than a mark', Buffer.from('ab'), 'ab'],
  ['nothing', Buffer.alloc(0), ''],
] as const)
  for (const size of [1, 2, 5, 1000])
    t.test(`${name}, ${size} bytes at a time`, async t =>
      t.equal((await whole(inUtf8(inPieces(bytes, size)))).toString(), want),
    )

t.test('the first piece is long enough to tell what it begins with', async t => {
  const sizes: number[] = []
  for await (const piece of headed(inPieces(Buffer.alloc(7), 2))) sizes.push(piece.length)
  t.strictSame(sizes, [4, 2, 1])
})
