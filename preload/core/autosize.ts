// Starting the process again with a heap that fits: what its NODE_OPTIONS, its command line and its marker become, and
// what stands against it.
import { splitNodeOptions } from './node-options.ts'

/** As flags.ts reads an option's name: one dash or two, `-` or `_` in it. */
const flagName = (option: string): string => option.replace(/_/g, '-').replace('--', '-')

const SIZES = /^-max-(old-space-size(-percentage)?|heap-size)$/
const SEMI_SPACE = /^-max-semi-space-size$/

/** Whether `flags` take the place of this option: the sizes of the heap always, the semi-space where they set it. */
const isReplaced = (word: string, flags: string): boolean => {
  const name = flagName(word.replace(/=.*/s, ''))
  return SIZES.test(name) || (SEMI_SPACE.test(name) && flags.includes('semi-space'))
}

/** The words less those that `flags` replace, and less the value of a percentage in a word of its own. */
function others(words: readonly string[], flags: string, readAs: (word: string) => string): readonly string[] {
  const kept: string[] = []
  let isValue = false
  for (const word of words) {
    const read = readAs(word)
    if (isValue && !read.startsWith('-')) {
      isValue = false
      continue
    }
    const isOut = isReplaced(read, flags)
    isValue = isOut && !read.includes('=') && read.endsWith('percentage')
    if (!isOut) kept.push(word)
  }
  return kept
}

/**
 * NODE_OPTIONS with `flags` in the place of the heap flags that are set; the rest as it was written, quotes and escapes
 * too. They stand first: Node stops reading at a word that is no option. Never throws.
 */
export function withHeapFlags(nodeOptions: string | undefined, flags: string): string {
  const asRead = (word: string): string => splitNodeOptions(word)?.[0] ?? ''
  return [flags, ...others(writtenWords(nodeOptions ?? ''), flags, asRead)].join(' ')
}

/** The words of NODE_OPTIONS as they are written; see splitNodeOptions for what they mean. */
function writtenWords(text: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') isQuoted = !isQuoted
    if (char === ' ' && !isQuoted) {
      if (word !== '') words.push(word)
      word = ''
      continue
    }
    word += char
    if (char === '\\' && isQuoted) word += text.charAt(++at)
  }
  return word === '' ? words : [...words, word]
}

/** What is known of how the process was started. */
export interface Started {
  /** /proc/self/cmdline, as read: each word with a NUL behind it. */
  readonly commandLine: string | undefined
  /** process.execArgv. */
  readonly execArgv: readonly string[]
  /** process.argv: the second is an absolute path by now. */
  readonly argv: readonly string[]
}

/**
 * The command line to start again with: as it was, less the heap flags, which would win over NODE_OPTIONS. undefined where
 * the words that the kernel has are not those that Node read (a --title has covered them).
 */
export function commandLineOf(
  { commandLine = '', execArgv, argv }: Started,
  flags: string,
): readonly string[] | undefined {
  const words = commandLine.split('\0').slice(0, -1)
  const [first] = words
  const options = words.slice(1, 1 + execArgv.length)
  const rest = words.slice(1 + execArgv.length)
  const own = argv.slice(2)
  const isSame = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((word, at) => word === b[at])
  if (first === undefined || !isSame(options, execArgv)) return undefined
  // Between the options and the app's own words: the script, or `-`, or `--` and the script, or nothing.
  const between = rest.length - own.length
  if (between < 0 || between > 2 || !isSame(rest.slice(between), own)) return undefined
  return [first, ...others(options, flags, word => word), ...rest]
}

/** An open descriptor of this process. */
export interface OpenDescriptor {
  readonly fd: number
  /** Where /proc/self/fd leads. */
  readonly target: string
  /** O_CLOEXEC: it would not be there after the restart. */
  readonly isLost: boolean
}

/**
 * The first descriptor that somebody handed to this process and that a restart would lose; undefined: none. Node marks
 * what it inherited to be closed, beside its own: event polls, pairs of pipe ends, /dev/null and an inspector's socket.
 * Standard input, output and error stay.
 */
export function lostDescriptor(open: readonly OpenDescriptor[], hasInspector: boolean): number | undefined {
  const lost = open.filter(({ fd, isLost }) => fd > 2 && isLost)
  let sockets = hasInspector ? 1 : 0
  return lost.find(({ target }) => {
    if (/^anon_inode:|^\/dev\/(null|u?random)$/.test(target)) return false
    if (target.startsWith('pipe:')) return lost.filter(other => other.target === target).length < 2
    if (target.startsWith('socket:')) return sockets-- <= 0
    return true
  })?.fd
}

/** One word can be so long (MAX_ARG_STRLEN, a NUL included). */
const MOST_WORD_BYTES = 131_072
/** What any Linux takes for arguments and environment together; more where the stack may be larger. */
const LEAST_ROOM_BYTES = 131_072
const MOST_ROOM_BYTES = 6_291_456
/** For the path, the auxiliary vector, and what else the kernel puts there. */
const SPARE_BYTES = 8192

/**
 * Whether execve(2) would take these words, in bytes each; `limits` is /proc/self/limits. A quarter of the stack, 128 KiB
 * at least and 6 MiB at most, with a pointer for each word.
 */
export function fitsInExec(wordBytes: readonly number[], limits: string | undefined): boolean {
  // `Max stack size             8388608              unlimited            bytes`
  const [, stack] = /^Max stack size\s+(\d+|unlimited)/m.exec(limits ?? '') ?? []
  const quarter = stack === 'unlimited' ? MOST_ROOM_BYTES : Number(stack ?? 0) / 4
  const room = Math.min(MOST_ROOM_BYTES, Math.max(LEAST_ROOM_BYTES, quarter)) - SPARE_BYTES
  let used = 0
  for (const length of wordBytes) {
    if (length >= MOST_WORD_BYTES) return false
    used += length + 1 + 8
  }
  return used <= room
}

/** What stands against a restart, in the order in which it is asked. */
export interface Obstacles {
  /** Whether the guard is loaded by --require, before the app. */
  readonly isPreloading: boolean
  readonly hasExecve: boolean
  readonly nodeVersion: string
  readonly hasChannel: boolean
  readonly mayStartProcesses: boolean
  readonly options: readonly string[]
}

const WAITS = /^--(inspect|debug)-(brk|wait)/

/** Why this process cannot be started again; undefined: nothing that can be told at a glance. */
export function obstacleTo(facts: Obstacles): string | undefined {
  if (!facts.hasExecve) return `Node ${facts.nodeVersion} has no process.execve, 22.15 and newer have`
  if (!facts.isPreloading) return 'the guard is not loaded by --require, so the app may have begun'
  if (facts.hasChannel) return 'it has an IPC channel to its parent, which would be lost'
  if (!facts.mayStartProcesses) return 'the permission model does not allow it: --allow-child-process'
  return facts.options.some(word => WAITS.test(word)) ? 'a debugger is waited for' : undefined
}

/** What the process is told of its restart, in its environment. */
export interface Marker {
  readonly fromMB: number
  readonly flags: string
}

/** The variable that holds it; the process that is started again deletes it. */
export const MARKER_VARIABLE = 'HEAPGUARD_RESIZED'

export const markerText = (pid: number, { fromMB, flags }: Marker): string => `${pid} ${fromMB} ${flags}`

/** The marker of this very process; another's, which a child inherited, is none. */
export function readMarker(text: string | undefined, pid: number): Marker | undefined {
  const [, owner, fromMB, flags = ''] = /^(\d+) (\d+(?:\.\d+)?) (-.*)$/.exec(text ?? '') ?? []
  return Number(owner) === pid ? { fromMB: Number(fromMB), flags } : undefined
}
