// Small texts that the kernel prints: read without throwing, bounded, and one value of them at a time.
import type { ReadText } from './cgroup.ts'
import { type Bytes, bytes } from './units.ts'

/** A file is considered up to here. The longest that matters, mountinfo on a crowded host, lists cgroups early. */
const CONSIDERED_CHARS = 65_536

/**
 * Physical addresses have at most 52 bits (x86-64, arm64), so no machine has memory from here up (4 PiB), and every
 * number below it is exact in JavaScript. The kernel's own "unlimited" values are all near 2^63.
 */
export const UNBELIEVABLE_BYTES = 2 ** 52

/** Text of a file, at most 64 KiB of it; undefined when there is none or it cannot be read. Never throws. */
export type QuietRead = (path: string) => string | undefined

/** Makes `readText` quiet. What was there but could not be read is told to `problems`, as "/path: EACCES". */
export function quietly(readText: ReadText, problems: string[] = []): QuietRead {
  return path => {
    try {
      const text = readText(path)
      if (text === undefined || text.length < CONSIDERED_CHARS) return text
      // A last line that is cut in two could be read as another number: drop it.
      return text.slice(0, text.lastIndexOf('\n', CONSIDERED_CHARS))
    } catch (error) {
      const code = (error as { code?: unknown } | undefined)?.code
      problems.push(`${path}: ${typeof code === 'string' ? code : 'cannot be read'}`)
      return undefined
    }
  }
}

/** The rest of the first line that begins with `key` and a space: `field('file 10\nanon 20\n', 'anon')` is `20`. */
export function field(text: string, key: string): string | undefined {
  const at = `\n${text}`.indexOf(`\n${key} `)
  const [rest = ''] = text.slice(at + key.length).split('\n', 1)
  return at < 0 ? undefined : rest.trim()
}

/** The same in /proc/<pid>/status, whose lines have a tab behind the key: `VmRSS:\t   51234 kB`. */
export const statusField = (status: string, key: string): string | undefined => field(status.replaceAll('\t', ' '), key)

/**
 * Whether a signal below 33 is ignored, by /proc/<pid>/status (`SigIgn:\t0000000001001000`, hexadecimal, the first signal's
 * bit is the lowest); undefined where that does not say. Never throws.
 */
export function isIgnored(status: string, signal: number): boolean | undefined {
  const mask = Number.parseInt((statusField(status, 'SigIgn:') ?? '').slice(-8), 16)
  return Number.isNaN(mask) ? undefined : ((mask >>> (signal - 1)) & 1) === 1
}

/**
 * What /proc/<pid>/stat has behind the name, which can hold anything: the state, the parent's pid and, as the 20th, the
 * start in ticks (proc_pid_stat(5)). Never throws.
 */
export const statFields = (stat = ''): readonly string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ')

/**
 * A whole number from 0 as the kernel prints it, digits alone without leading zeros; undefined for anything else. Without
 * a pattern on purpose: one that is compiled and used once at a cold start costs 0.1 ms [measured], a seventh of all this.
 */
export function parseWhole(text: string): number | undefined {
  const value = Number(text)
  return Number.isSafeInteger(value) && String(value) === text && value >= 0 ? value : undefined
}

/**
 * The value of a limit file: `max`, `-1` or a number that no machine has is 'none'; else whole bytes, as they stand there.
 * undefined for what is not a usable limit: anything but digits, and 0, under which nothing runs.
 */
export function parseLimit(text: string): Bytes | 'none' | undefined {
  const word = text.trim()
  const value = parseWhole(word)
  if (value === 0) return undefined
  if (value !== undefined && value < UNBELIEVABLE_BYTES) return bytes(value)
  return value !== undefined || word === 'max' || /^(-1|[1-9]\d{15,})$/.test(word) ? 'none' : undefined
}

/** The machine's memory from /proc/meminfo (`MemTotal:       16384256 kB`); where it does not say, more than any has. */
export function parseMachineBytes(meminfo = ''): Bytes {
  const [kib = ''] = (field(meminfo, 'MemTotal:') ?? '').split(' kB')
  const value = parseWhole(kib)
  // Old lxcfs printed 0 kB.
  return bytes(value ? value * 1024 : UNBELIEVABLE_BYTES)
}

/** A file's contents for a sentence: trimmed, at most 40 characters, in quotes, control characters escaped. */
export const quoted = (text: string): string => JSON.stringify(text.trim().slice(0, 40))
