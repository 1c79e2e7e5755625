// A log's bytes as UTF-8, by the mark that it may begin with.
import { TextDecoder } from 'node:util'

/** So many bytes tell what a log is: a byte order mark, or gzip's own. */
const MARK_BYTES = 3

const ENCODINGS = [
  // PowerShell's `>` writes it.
  { mark: [0xff, 0xfe], name: 'utf-16le' },
  { mark: [0xfe, 0xff], name: 'utf-16be' },
] as const
const UTF_8_MARK = [0xef, 0xbb, 0xbf]

/** The same pieces, the first of them long enough to tell what it begins with, unless there is no more. */
export async function* headed(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const piece of pieces) {
    if (head === undefined) {
      yield piece
      continue
    }
    head = Buffer.concat([head, piece])
    if (head.length < MARK_BYTES) continue
    yield head
    head = undefined
  }
  if (head !== undefined && head.length > 0) yield head
}

/** Does it begin with these bytes? */
export const beginsWith = (bytes: Buffer, mark: readonly number[]): boolean =>
  mark.every((byte, at) => bytes[at] === byte)

/** UTF-16 becomes UTF-8, and a byte order mark goes; all else is left as it is. */
export async function* inUtf8(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | undefined
  let isFirst = true
  for await (const piece of headed(pieces)) {
    if (isFirst) {
      const encoding = ENCODINGS.find(({ mark }) => beginsWith(piece, mark))
      if (encoding !== undefined) decoder = new TextDecoder(encoding.name)
    }
    if (decoder !== undefined) yield Buffer.from(decoder.decode(piece, { stream: true }))
    else yield isFirst && beginsWith(piece, UTF_8_MARK) ? piece.subarray(UTF_8_MARK.length) : piece
    isFirst = false
  }
}
