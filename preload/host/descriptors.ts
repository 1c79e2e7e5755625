// The few calls on descriptors that lines are written with.
import type { Natives } from './natives.ts'

export type DescriptorKind = 'file' | 'pipe' | 'character-device' | 'socket' | 'other'

/** What a descriptor is, and which one, so that a number that the app reused is told apart. */
export interface DescriptorIdentity {
  readonly kind: DescriptorKind
  readonly device: bigint
  readonly inode: bigint
  /** The owner's uid. */
  readonly owner: number
}

export interface Descriptors {
  /** Throws EBADF where the descriptor is closed. */
  readonly identify: (fd: number) => DescriptorIdentity
  readonly isTerminal: (fd: number) => boolean
  /** One write. False: only a part of the line went out. Throws what the kernel says (EAGAIN, EPIPE, ENOSPC, …). */
  readonly write: (fd: number, line: string) => boolean
  /**
   * Opens anew for one non-blocking write and closes: the flags of the app's own descriptor stay as they are. A pipe is
   * opened to be read as well: a writer whose reader is gone is sent SIGPIPE, and what the app has made of that is its own.
   */
  readonly writeThrough: (path: string, line: string, isPipe: boolean) => boolean
  /** Appends to a file that is created, when missing, for its owner alone. */
  readonly append: (path: string, line: string) => boolean
  /** The process's user, undefined where the system has none. */
  readonly user: number | undefined
  /** Of fork's IPC: no descriptor to write lines to. */
  readonly channelFd: number | undefined
  readonly parentPid: number
  /** The target of a symbolic link. Throws where it cannot be read. */
  readonly readLink: (path: string) => string
}

/** inode(7): the file type is these bits of the mode. */
const S_IFMT = 0xf000
const KINDS: Readonly<Record<number, DescriptorKind>> = {
  4096: 'pipe',
  8192: 'character-device',
  32768: 'file',
  49152: 'socket',
}

/** Linux, Documentation/admin-guide/devices.txt: consoles and serial lines, pseudo terminals, ARM's serial lines, hypervisors'. */
const TERMINAL_MAJORS = /^([45]|13[6-9]|14[0-3]|204|229)$/

/** This process's descriptors, through what was taken of it at load. */
export function realDescriptors(natives: Natives): Descriptors {
  const { fstatSync, readlinkSync, openSync, writeSync, closeSync, byteLength } = natives
  const { O_WRONLY, O_RDWR, O_NONBLOCK, O_NOCTTY, O_APPEND, O_CREAT } = natives.constants
  // A FIFO or a terminal that is named in HEAPGUARD_LOG_FILE must not block either.
  const nonBlocking = O_NONBLOCK | O_NOCTTY
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
      // As bigints: the numbers of the last other stat stay in an array of Node's in which fs.realpathSync (and with it
      // require) looks for a pipe, and then leaves the rest of a path's links unresolved. No pnpm tree would load.
      const { mode, dev, ino, uid } = fstatSync(fd, { bigint: true })
      return { kind: KINDS[Number(mode) & S_IFMT] ?? 'other', device: dev, inode: ino, owner: Number(uid) }
    },
    // By the device's major number: node:tty is not in the start-up snapshot, and costs 1.5 to 3 ms.
    isTerminal: fd =>
      process.platform === 'linux'
        ? TERMINAL_MAJORS.test(String((Number(fstatSync(fd, { bigint: true }).rdev) >>> 8) & 0xfff))
        : (require('node:tty') as typeof import('node:tty')).isatty(fd),
    write,
    writeThrough: (path, line, isPipe) => writeTo(path, nonBlocking | (isPipe ? O_RDWR : O_WRONLY), line),
    append: (path, line) => writeTo(path, nonBlocking | O_WRONLY | O_APPEND | O_CREAT, line),
    user: natives.geteuid?.call(process),
    channelFd: (process.channel as { readonly fd?: number } | null | undefined)?.fd,
    parentPid: natives.ppid,
    readLink: path => readlinkSync(path),
  }
}
