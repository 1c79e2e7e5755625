// The few calls on descriptors that lines are written with, taken at load.

export type DescriptorKind = 'file' | 'pipe' | 'character-device' | 'socket' | 'other'

/** What a descriptor is, and which one, so that a number that the app reused is told apart. */
export interface DescriptorIdentity {
  readonly kind: DescriptorKind
  readonly device: number
  readonly inode: number
  /** The owner's uid. */
  readonly owner: number
}

export interface Descriptors {
  /** Throws EBADF where the descriptor is closed. */
  readonly identify: (fd: number) => DescriptorIdentity
  readonly isTerminal: (fd: number) => boolean
  /** One write. False: only a part of the line went out. Throws what the kernel says (EAGAIN, EPIPE, ENOSPC, …). */
  readonly write: (fd: number, line: string) => boolean
  /** Opens anew for one non-blocking write and closes: the flags of the app's own descriptor stay as they are. */
  readonly writeThrough: (path: string, line: string) => boolean
  /** Appends to a file that is created, when missing, for its owner alone. */
  readonly append: (path: string, line: string) => boolean
  /** The process's user, undefined where the system has none. */
  readonly user: number | undefined
}

/** This process's descriptors. */
export function realDescriptors(): Descriptors {
  const { fstatSync, openSync, writeSync, closeSync, constants } = require('node:fs') as typeof import('node:fs')
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY, O_APPEND, O_CREAT } = constants
  // A FIFO or a terminal that is named in HEAPGUARD_LOG_FILE must not block either.
  const nonBlocking = O_WRONLY | O_NONBLOCK | O_NOCTTY
  const { byteLength } = Buffer
  const write = (fd: number, line: string): boolean => writeSync(fd, line) === byteLength(line)
  const writeTo = (path: string, flags: number, line: string): boolean => {
    const fd = openSync(path, flags, 0o600)
    try {
      return write(fd, line)
    } finally {
      closeSync(fd)
    }
  }
  return {
    identify: fd => {
      const stat = fstatSync(fd)
      const kind: DescriptorKind = stat.isFIFO()
        ? 'pipe'
        : stat.isFile()
          ? 'file'
          : stat.isSocket()
            ? 'socket'
            : stat.isCharacterDevice()
              ? 'character-device'
              : 'other'
      return { kind, device: stat.dev, inode: stat.ino, owner: stat.uid }
    },
    // node:tty is not in the start-up snapshot; only a character device pays for it.
    isTerminal: fd => (require('node:tty') as typeof import('node:tty')).isatty(fd),
    write,
    writeThrough: (path, line) => writeTo(path, nonBlocking, line),
    append: (path, line) => writeTo(path, nonBlocking | O_APPEND | O_CREAT, line),
    user: process.geteuid?.(),
  }
}
