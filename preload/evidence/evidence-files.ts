// The calls on files that evidence is written and read with, taken when this file is loaded: at boot, before the app's code.
import { constants } from 'node:fs'

export type EvidenceFiles = Pick<
  typeof import('node:fs'),
  'openSync' | 'readSync' | 'writeSync' | 'closeSync' | 'fstatSync' | 'opendirSync' | 'renameSync' | 'unlinkSync'
>

/** Node's own. */
export function realEvidenceFiles(): EvidenceFiles {
  const { openSync, readSync, writeSync, closeSync, fstatSync, opendirSync, renameSync, unlinkSync } =
    require('node:fs') as typeof import('node:fs')
  return { openSync, readSync, writeSync, closeSync, fstatSync, opendirSync, renameSync, unlinkSync }
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants
// O_NONBLOCK: a FIFO in the place of a file must not hang the app. Where a system has no such flag it is undefined.
const CAREFULLY = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
export const TO_READ = O_RDONLY | CAREFULLY
export const TO_WRITE = O_WRONLY | CAREFULLY
export const TO_CREATE = TO_WRITE | O_CREAT
export const TO_WRITE_ANEW = TO_CREATE | O_TRUNC
/** Evidence is its owner's alone. */
export const OWNER_ALONE = 0o600

/** The beginning of a plain file, and what it is; undefined: there is none, or it is no plain file. Throws what the kernel says. */
export function readBeginning(
  {
    openSync,
    readSync,
    closeSync,
    fstatSync,
  }: Pick<EvidenceFiles, 'openSync' | 'readSync' | 'closeSync' | 'fstatSync'>,
  path: string,
  mostBytes: number,
): { readonly data: Uint8Array; readonly sizeBytes: number; readonly changedMs: number } | undefined {
  let fd: number
  try {
    fd = openSync(path, TO_READ)
  } catch (error) {
    // ELOOP: a link; ENXIO: a socket.
    if (/^(ENOENT|ELOOP|ENXIO)$/.test(String((error as NodeJS.ErrnoException).code))) return undefined
    throw error
  }
  try {
    // As bigints: see descriptors.ts.
    const stat = fstatSync(fd, { bigint: true })
    if (!stat.isFile()) return undefined
    const data = new Uint8Array(mostBytes)
    let length = 0
    for (let read = 1; read > 0 && length < mostBytes; length += read)
      read = readSync(fd, data, length, mostBytes - length, length)
    return { data: data.subarray(0, length), sizeBytes: Number(stat.size), changedMs: Number(stat.mtimeMs) }
  } finally {
    closeSync(fd)
  }
}
