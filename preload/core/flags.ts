// The heap flags in force, as Node and V8 parse them, and what V8 adds to them.
import { splitNodeOptions } from './node-options.ts'
import { type Bytes, bytesToMB, mbToBytes } from './units.ts'

export interface FlagFacts {
  readonly execArgv: readonly string[]
  /** NODE_OPTIONS as set. */
  readonly nodeOptions: string | undefined
  /** process.version, such as v24.21.0. */
  readonly nodeVersion: string
  /** What Node takes a percentage of: the constrained memory where that is plausible, else the machine's. */
  readonly memoryNodeSeesBytes: Bytes | undefined
}

/** The limit of V8's old space that the flags set, or `none` where V8 chooses. */
export type OldSpaceLimit =
  | {
      readonly kind: 'set'
      readonly limitBytes: Bytes
      readonly source: 'flag' | 'percentage-flag' | 'max-heap-size'
      /** The flag as written, such as --max_old_space_size=384. */
      readonly text: string
      readonly from: 'command line' | 'NODE_OPTIONS'
    }
  | { readonly kind: 'none' }

type Source = 'NODE_OPTIONS' | 'command line'
type HeapFlag = 'old-space' | 'heap' | 'semi-space' | 'percentage'

interface Setting {
  readonly value: number
  readonly text: string
  readonly from: Source
}

/** The steps of memory that V8 sees, in MB, at which it takes a larger young generation. */
const SEEN_UP_TO_MB = [256, 512, 1024, 2048]

/**
 * The young generation, three semi-spaces of the largest size, in MB: up to each of the four steps, and above the last.
 * Measured on 20.20, 22.23, 24.21 and 26.10. By the memory that V8 sees: heap_size_limit less --max-old-space-size (its
 * value makes no difference) in containers of 64 MB to 16 GB, and 1 MB to either side of each step. --max-heap-size is
 * split by steps of its own: the largest new space seen while a heap was filled.
 */
const YOUNG_GENERATION = [
  { sinceMajor: 26, maxHeapUpToMB: [64, 128, 256, 512], youngMB: [6, 12, 24, 48, 96] },
  { sinceMajor: 24, maxHeapUpToMB: [259, 259, 560, 1120], youngMB: [3, 3, 48, 96, 192] },
  { sinceMajor: 0, maxHeapUpToMB: [259, 259, 524, 1048], youngMB: [3, 3, 12, 24, 48] },
]

/** MB that V8 adds to the old space where it sees `seenMB` of memory and no flag sizes the semi-space. Never throws. */
export const youngGenerationMB = (seenMB: number, nodeVersion: string): number =>
  youngMB(seenMB, SEEN_UP_TO_MB, nodeVersion)

function youngMB(mb: number, upToMB: readonly number[] | undefined, nodeVersion: string): number {
  const major = Number.parseInt(nodeVersion.slice(1), 10)
  for (const row of YOUNG_GENERATION) {
    if (major < row.sinceMajor) continue
    const steps = upToMB ?? row.maxHeapUpToMB
    return row.youngMB[steps.filter(step => mb > step).length] ?? 0
  }
  return 0
}

/**
 * The old-space limit in force, in bytes. V8 reads NODE_OPTIONS before the command line, so of one flag the last wins;
 * a percentage beats --max-old-space-size wherever each stands, because Node hands it to V8 after all other flags; both
 * beat --max-heap-size, whose limit is that of old and young generation together. Each of these is measured, see
 * test/core/flags.test.ts. `none` also where the limit cannot be known: a percentage of a memory that is not known, a
 * number of bytes beyond the safe integers. No version is asked, because a Node that does not know a flag does not
 * start with it. Never throws.
 */
export function readOldSpaceLimit(facts: FlagFacts): OldSpaceLimit {
  const flags: Partial<Record<HeapFlag, Setting>> = {}
  readWords(splitNodeOptions(facts.nodeOptions ?? '') ?? [], 'NODE_OPTIONS', flags)
  readWords(facts.execArgv, 'command line', flags)

  const { percentage, heap } = flags
  if (percentage !== undefined) {
    if (facts.memoryNodeSeesBytes === undefined) return { kind: 'none' }
    // Node floors twice: 33.3 % of 24105.13 MB is 8026 MB.
    const mb = Math.floor((Math.floor(bytesToMB(facts.memoryNodeSeesBytes)) * percentage.value) / 100)
    return limitOf(mb, percentage, 'percentage-flag')
  }
  const oldSpace = flags['old-space']
  // 0 is V8's own word for: not set.
  if (oldSpace !== undefined && oldSpace.value > 0) return limitOf(oldSpace.value, oldSpace, 'flag')
  if (heap === undefined) return { kind: 'none' }
  const semiSpaceMB = flags['semi-space']?.value ?? 0
  const young = semiSpaceMB > 0 ? 3 * semiSpaceMB : youngMB(heap.value, undefined, facts.nodeVersion)
  return limitOf(heap.value - young, heap, 'max-heap-size')
}

function limitOf(
  mb: number,
  { text, from }: Setting,
  source: 'flag' | 'percentage-flag' | 'max-heap-size',
): OldSpaceLimit {
  const limitBytes = mbToBytes(mb)
  return mb > 0 && Number.isSafeInteger(limitBytes) ? { kind: 'set', limitBytes, source, text, from } : { kind: 'none' }
}

/** V8 takes one dash or two, `-` or `_`, but no value in a word of its own; that is for Node's percentage alone. */
const SIZE_FLAG = /^--?max[-_](old[-_]space|heap|semi[-_]space)[-_]size=(.*)$/s
const PERCENTAGE_FLAG = /^--max[-_]old[-_]space[-_]size[-_]percentage(?:=(.*))?$/s

function readWords(words: readonly string[], from: Source, flags: Partial<Record<HeapFlag, Setting>>): void {
  let mayTakeNext = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!word.startsWith('-')) {
      // Node stops at the first word that is neither an option nor the value of one (`'--max-old-space-size=384'`, in
      // single quotes). Which options take a value is not known here, so one word after any is taken for its value.
      if (!mayTakeNext) return
      mayTakeNext = false
      continue
    }
    mayTakeNext = !word.includes('=')
    const percentage = PERCENTAGE_FLAG.exec(word)
    if (percentage !== null) {
      const separate = percentage[1] === undefined ? (words[at + 1] ?? '') : undefined
      const value = Number(percentage[1] ?? separate)
      const text = separate === undefined ? word : `${word} ${separate}`
      // Node refuses to start with anything else but nan, which has no effect.
      if (value > 0 && value <= 100) flags.percentage = { value, text, from }
    }
    const size = SIZE_FLAG.exec(word)
    if (size === null) continue
    const value = sizeOf(size[2] ?? '')
    if (value !== undefined) flags[(size[1] ?? '').replace('_', '-') as HeapFlag] = { value, text: word, from }
  }
}

/**
 * A V8 size as strtoll reads it: leading white space, a sign, decimal digits, and nothing is 0. undefined: out of bounds,
 * so V8 says so on stderr and keeps the value it had (negative, or from 2^63), or illegal, so Node does not start.
 */
function sizeOf(text: string): number | undefined {
  if (text === '') return 0
  if (!/^\s*[-+]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return value >= 0 && value < 2 ** 63 ? value : undefined
}
