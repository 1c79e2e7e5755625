// Where lines go: one write a line to a descriptor, never through process.stdout or process.stderr. Making those streams
// would set O_NONBLOCK on a pipe that others share, and a reader that is gone, full or slow would be the app's problem.
import type { ReadText } from '../core/cgroup.ts'
import { isIgnored, quietly } from '../core/kernel-files.ts'
import type { Level } from '../core/record.ts'
import type { DescriptorIdentity, Descriptors } from './descriptors.ts'

export interface Sink {
  readonly isTerminal: boolean
  /** The descriptor that a reader of this process's output holds: the sink's own, or 2 beside a file. */
  readonly source: { readonly fd: number; readonly isPipeOrSocket: boolean }
  /** Never throws, never blocks. False: the line is lost. */
  readonly write: (line: string, level: Level) => boolean
}

export interface SinkHost {
  readonly descriptors: Descriptors
  readonly readText: ReadText
  /** What a descriptor was at boot, where that is over; undefined: closed. */
  readonly identityAtBoot?: (fd: number) => DescriptorIdentity | undefined
}

const NAMED_DESCRIPTORS: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 }

/** The sink that HEAPGUARD_LOG_FILE names: stderr, stdout or a path to append to. Opens nothing yet. */
export function openSink(target: string, host: SinkHost): Sink {
  const { descriptors, identityAtBoot = fd => identify(fd, descriptors) } = host
  const named = NAMED_DESCRIPTORS[target]
  const fd = named ?? 2
  const atBoot = fd === descriptors.channelFd ? undefined : identityAtBoot(fd)
  const source = { fd, isPipeOrSocket: atBoot?.kind === 'pipe' || atBoot?.kind === 'socket' }
  return { source, ...(named === undefined ? fileSink(target, descriptors) : descriptorSink(fd, atBoot, host)) }
}

type Target = Omit<Sink, 'source'>

function fileSink(path: string, descriptors: Descriptors): Target {
  let torn = false
  return {
    isTerminal: false,
    write: line => {
      const text = torn ? `\n${line}` : line
      try {
        torn = !descriptors.append(path, text)
        return !torn
      } catch {
        // Full, read-only, gone: the line is lost and counted, the app is not troubled.
        return false
      }
    },
  }
}

function descriptorSink(
  fd: number,
  atBoot: DescriptorIdentity | undefined,
  { descriptors, readText }: SinkHost,
): Target {
  const blocking = blockingBudget()
  let torn = false

  const writeOnce = (line: string, level: Level): 'whole' | 'part' | 'nothing' => {
    const now = identify(fd, descriptors)
    // Closed, or the app has put something of its own on this number: a line of ours would land in its data.
    if (atBoot === undefined || now === undefined || !isSame(atBoot, now)) return 'nothing'
    if (now.kind === 'file') return mayRaise(SIGXFSZ, readText) ? 'nothing' : wholeOrPart(descriptors.write(fd, line))
    if (now.kind !== 'socket') {
      try {
        return wholeOrPart(descriptors.writeThrough(`/proc/self/fd/${fd}`, line, now.kind === 'pipe'))
      } catch (error) {
        if (!CANNOT_OPEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error
      }
    }
    // Sockets cannot be opened anew, nor can a pipe that belongs to another user. A blocking write is what is left:
    // without a bound when it cannot block, or when the other end is a container runtime's (root's pipe, handed to a
    // lesser user), which reads for as long as the container lives.
    const isRuntimePipe = now.kind === 'pipe' && now.owner === 0 && descriptors.user !== 0
    if (!isRuntimePipe && !isNonBlocking(fd, readText) && !blocking.take(line, level)) return 'nothing'
    return mayRaise(SIGPIPE, readText) ? 'nothing' : wholeOrPart(descriptors.write(fd, line))
  }

  return {
    isTerminal: atBoot?.kind === 'character-device' && isTerminal(fd, descriptors),
    write: (line, level) => {
      const text = torn ? `\n${line}` : line
      try {
        const written = writeOnce(text, level)
        if (written !== 'nothing') torn = written === 'part'
        return written === 'whole'
      } catch {
        // EAGAIN (full), EPIPE and ENXIO (no reader), ENOSPC (/dev/full): the line is lost and counted.
        return false
      }
    },
  }
}

const wholeOrPart = (whole: boolean): 'whole' | 'part' => (whole ? 'whole' : 'part')

/** The codes that say "not by opening it anew", in place of "not now". */
const CANNOT_OPEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'ERR_ACCESS_DENIED'])

/**
 * How much may be written to a reader that may never read: a Unix socket takes at least 160 short writes and a pipe
 * 64 KiB before a write blocks, so this stays below both. The last fifth is kept for warnings and errors.
 */
function blockingBudget(): { take: (line: string, level: Level) => boolean } {
  let lines = 100
  let characters = 48_000
  return {
    take: (line, level) => {
      const reserve = level === 'info' ? 20 : 0
      if (lines <= reserve || characters - line.length < reserve * 480) return false
      lines--
      characters -= line.length
      return true
    },
  }
}

/** fdinfo's `flags:` are octal: 04000 is O_NONBLOCK on every Linux that Node supports. */
function isNonBlocking(fd: number, readText: ReadText): boolean {
  try {
    const [, flags = ''] = /^flags:\s*([0-7]+)/m.exec(readText(`/proc/self/fdinfo/${fd}`) ?? '') ?? []
    return (Number.parseInt(flags, 8) & 0o4000) !== 0
  } catch {
    // Not readable (a permission model): then it may block.
    return false
  }
}

const SIGPIPE = 13
const SIGXFSZ = 25

/**
 * Node ignores both, but not where the app has ever listened to them: then a line may call its handler, or end it. Where
 * that cannot be read they are as Node leaves them.
 */
const mayRaise = (signal: number, readText: ReadText): boolean =>
  isIgnored(quietly(readText)('/proc/self/status') ?? '', signal) === false

/** What a descriptor is now; undefined: closed. Never throws. */
export function identify(fd: number, descriptors: Pick<Descriptors, 'identify'>): DescriptorIdentity | undefined {
  try {
    return descriptors.identify(fd)
  } catch {
    // EBADF: closed.
    return undefined
  }
}

const isSame = (a: DescriptorIdentity, b: DescriptorIdentity): boolean => a.device === b.device && a.inode === b.inode

function isTerminal(fd: number, descriptors: Descriptors): boolean {
  try {
    return descriptors.isTerminal(fd)
  } catch {
    // node:tty could not be loaded: then lines are JSON.
    return false
  }
}
