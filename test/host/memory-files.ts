// A folder of plain files in memory, with the calls that evidence is written by; any call can be made to fail.
import { constants, type Dir, type Dirent, type PathLike } from 'node:fs'
import type { EvidenceFiles } from '../../preload/evidence/evidence-files.ts'

export type Call = 'open' | 'read' | 'write' | 'close' | 'stat' | 'opendir' | 'readdir' | 'rename' | 'unlink'
/** Returns the code that a call fails with, or undefined. */
export type Fault = (call: Call, path: string) => string | undefined

export const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

export interface MemoryFile {
  data: Uint8Array
  mtimeMs: number
  mode: number
}

export function memoryFiles(clock: () => number = () => 0) {
  const folder = new Map<string, MemoryFile>()
  const open = new Map<number, string>()
  const calls: string[] = []
  const state = { fault: (() => undefined) as Fault, isFolderThere: true, mostWritten: Number.POSITIVE_INFINITY }
  let nextFd = 20
  const call = (name: Call, path: string): void => {
    calls.push(`${name} ${path}`)
    const code = state.fault(name, path)
    if (code !== undefined) throw failure(code)
    if (!state.isFolderThere && name !== 'close') throw failure('ENOENT')
  }
  const fileOf = (fd: number): MemoryFile => {
    const file = folder.get(open.get(fd) ?? '')
    if (file === undefined) throw failure('EBADF')
    return file
  }
  const files = {
    openSync: (path: PathLike, flags: number, mode = 0o666) => {
      call('open', String(path))
      if (!folder.has(String(path))) {
        if (!(flags & constants.O_CREAT)) throw failure('ENOENT')
        folder.set(String(path), { data: new Uint8Array(), mtimeMs: clock(), mode })
      }
      open.set(nextFd, String(path))
      return nextFd++
    },
    readSync: (fd: number, into: Uint8Array, offset: number, length: number, position: number) => {
      call('read', open.get(fd) ?? '')
      const part = fileOf(fd).data.subarray(position, position + length)
      into.set(part, offset)
      return part.length
    },
    writeSync: (fd: number, from: Uint8Array, offset: number, length: number, position: number) => {
      call('write', open.get(fd) ?? '')
      const file = fileOf(fd)
      const some = Math.min(length, state.mostWritten)
      const data = new Uint8Array(Math.max(file.data.length, position + some))
      data.set(file.data)
      data.set(from.subarray(offset, offset + some), position)
      file.data = data
      file.mtimeMs = clock()
      return some
    },
    closeSync: (fd: number) => {
      open.delete(fd)
    },
    fstatSync: (fd: number) => {
      call('stat', open.get(fd) ?? '')
      const { data, mtimeMs } = fileOf(fd)
      return { isFile: () => true, size: BigInt(data.length), mtimeMs: BigInt(Math.round(mtimeMs)) }
    },
    opendirSync: (path: PathLike) => {
      call('opendir', String(path))
      const names = [...folder.keys()].map(name => name.slice(String(path).length + 1))
      return {
        readSync: () => {
          call('readdir', String(path))
          const name = names.shift()
          return name === undefined ? null : ({ name } as Dirent)
        },
        closeSync: () => {},
      } as unknown as Dir
    },
    renameSync: (from: PathLike, to: PathLike) => {
      call('rename', String(from))
      const file = folder.get(String(from))
      if (file === undefined) throw failure('ENOENT')
      folder.delete(String(from))
      folder.set(String(to), file)
    },
    unlinkSync: (path: PathLike) => {
      call('unlink', String(path))
      if (!folder.delete(String(path))) throw failure('ENOENT')
    },
  }
  return {
    files: files as unknown as EvidenceFiles,
    folder,
    state,
    calls,
    /** Descriptors that were not closed. */
    leaks: () => open.size,
  }
}
