// What a command says, to its last byte, or why it could not.
import { fstatSync, writeSync } from 'node:fs'

type Name = 'stdout' | 'stderr'
const OTHER = { stdout: 'stderr', stderr: 'stdout' } as const

/**
 * Writes a text; false where that failed, which the other stream then tells, if it can. A reader that has closed its pipe
 * (`| head`) has read what it wanted: that is no failure. Never throws.
 */
export async function say(name: Name, text: string): Promise<boolean> {
  // Even no byte at all cannot be written to a full disk.
  const trouble = text === '' ? undefined : await troubleWith(name, text)
  if (trouble === undefined) return true
  await troubleWith(OTHER[name], `heapguard: ${name} cannot be written: ${trouble}\n`)
  return false
}

async function troubleWith(name: Name, text: string): Promise<string | undefined> {
  try {
    const { fd } = process[name]
    if (fstatSync(fd).isFile()) writeWhole(fd, text)
    else await writeToStream(process[name], text)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'EPIPE' ? undefined : message
  }
}

/** On a disk that is nearly full the kernel takes a part of it; Node's stream of a file takes that for all. */
function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

const writeToStream = (stream: NodeJS.WritableStream, text: string): Promise<void> =>
  new Promise((done, fail) => {
    stream.write(text, error => (error ? fail(error) : done()))
  })
