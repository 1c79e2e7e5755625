// A log as pieces of plain text, wherever it is and whether it is packed or not.
import { createReadStream, fstatSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { beginsWith, headed, inUtf8 } from './encoding.ts'

/** Why a log could not be read to its end, in words for people. */
export class UnreadableLog extends Error {}

const PIECE_BYTES = 1 << 20
const GZIP_MARK = [0x1f, 0x8b]

/**
 * Reads a file, or stdin for '-', a piece at a time; gzip and UTF-16 are known by their first bytes. `progress` is told how
 * many bytes of how many were read (undefined: nobody knows). Throws UnreadableLog.
 */
export async function* readLog(
  log: string,
  progress: (readBytes: number, ofBytes: number | undefined) => void,
): AsyncGenerator<Buffer> {
  const isStdin = log === '-'
  const input = isStdin ? process.stdin : createReadStream(log, { highWaterMark: PIECE_BYTES })
  let ofBytes: number | undefined
  if (!isStdin)
    input.once('open', (fd: number) => {
      ofBytes = fstatSync(fd).size
    })
  let readBytes = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of input as AsyncIterable<Buffer>) {
      readBytes += piece.length
      progress(readBytes, ofBytes)
      yield piece
    }
  }
  try {
    yield* inUtf8(unpacked(headed(counted())))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const name = isStdin ? 'stdin' : log
    if (code?.startsWith('Z_')) throw new UnreadableLog(`${name} is broken gzip: ${message}`)
    throw new UnreadableLog(
      REASONS[code ?? ''] === undefined ? `${name}: ${message}` : `${name} ${REASONS[code ?? '']}`,
    )
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EACCES: 'cannot be read by this user',
  EISDIR: 'is a folder, not a log',
}

async function* unpacked(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await pieces.next()
  if (first.done) return
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield first.value
    yield* pieces
  }
  if (!beginsWith(first.value, GZIP_MARK)) {
    yield* rest()
    return
  }
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES })
  const feeding = feed(rest(), gunzip)
  // Awaited below; until then a failure shows as the stream's own.
  feeding.catch(() => {})
  yield* gunzip as AsyncIterable<Buffer>
  await feeding
}

async function feed(pieces: AsyncIterable<Buffer>, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  try {
    for await (const piece of pieces)
      if (!gunzip.write(piece)) await new Promise<void>(done => gunzip.once('drain', done).once('close', done))
    gunzip.end()
  } catch (error) {
    gunzip.destroy(error as Error)
    throw error
  }
}
