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

/**
 * By --max-heap-size, which V8 splits on its own, the young generation: [up to this many MB, MB], ascending; the last without
 * an end. The largest new space seen while a heap was filled, on 20.20, 22.23, 24.21 and 26.10.
 */
type YoungGeneration = readonly (readonly [upToMB: number, youngMB: number])[]
const NO_END = Number.POSITIVE_INFINITY
const YOUNG_SINCE_26: YoungGeneration = [
  [64, 6],
  [128, 12],
  [256, 24],
  [512, 48],
  [NO_END, 96],
]
const YOUNG_SINCE_24: YoungGeneration = [
  [259, 3],
  [560, 48],
  [1120, 96],
  [NO_END, 192],
]
const YOUNG_BEFORE_24: YoungGeneration = [
  [259, 3],
  [524, 12],
  [1048, 24],
  [NO_END, 48],
]

function youngOfMaxHeapMB(heapMB: number, nodeVersion: string): number {
  const major = Number.parseInt(nodeVersion.slice(1), 10)
  const rows = major < 24 ? YOUNG_BEFORE_24 : major < 26 ? YOUNG_SINCE_24 : YOUNG_SINCE_26
  return (rows.find(([upToMB]) => heapMB <= upToMB) as (typeof rows)[number])[1]
}

interface Setting {
  readonly value: number
  readonly text: string
  readonly from: 'command line' | 'NODE_OPTIONS'
}
/** By name, with one dash before it. */
type Settings = { [name: string]: Setting | undefined }

/**
 * The old-space limit in force, in bytes. V8 reads NODE_OPTIONS before the command line, so of one flag the last wins;
 * a percentage beats --max-old-space-size wherever each stands, because Node hands it to V8 after all other flags; both
 * beat --max-heap-size, which is old and young generation together. Each of these is measured: test/core/flags.test.ts.
 * `none` also where the limit cannot be known: a percentage of a memory that is not known, bytes beyond the safe
 * integers. No version is asked whether it knows a flag, because a Node that does not would not have started. Never
 * throws.
 */
export function readOldSpaceLimit(facts: FlagFacts): OldSpaceLimit {
  const settings: Settings = {}
  readWords(splitNodeOptions(facts.nodeOptions ?? '') ?? [], 'NODE_OPTIONS', settings)
  readWords(facts.execArgv, 'command line', settings)

  const percentage = settings['-max-old-space-size-percentage']
  if (percentage !== undefined) {
    if (facts.memoryNodeSeesBytes === undefined) return { kind: 'none' }
    // Node floors twice: 33.3 % of 24105.13 MB is 8026 MB.
    const mb = Math.floor((Math.floor(bytesToMB(facts.memoryNodeSeesBytes)) * percentage.value) / 100)
    return limitOf(mb, percentage, 'percentage-flag')
  }
  const oldSpace = settings['-max-old-space-size']
  // 0 is V8's own word for: not set.
  if (oldSpace !== undefined && oldSpace.value > 0) return limitOf(oldSpace.value, oldSpace, 'flag')
  const heap = settings['-max-heap-size']
  if (heap === undefined) return { kind: 'none' }
  const semiSpaceMB = settings['-max-semi-space-size']?.value ?? 0
  const youngMB = semiSpaceMB > 0 ? semiSpaceMB * 3 : youngOfMaxHeapMB(heap.value, facts.nodeVersion)
  return limitOf(heap.value - youngMB, heap, 'max-heap-size')
}

function limitOf(
  mb: number,
  { text, from }: Setting,
  source: 'flag' | 'percentage-flag' | 'max-heap-size',
): OldSpaceLimit {
  const limitBytes = mbToBytes(mb)
  return mb > 0 && Number.isSafeInteger(limitBytes) ? { kind: 'set', limitBytes, source, text, from } : { kind: 'none' }
}

function readWords(words: readonly string[], from: Setting['from'], settings: Settings): void {
  let option: string | undefined
  for (const word of words) {
    const equals = word.indexOf('=')
    if (word.startsWith('-')) {
      option = equals < 0 ? word : undefined
      if (equals > 0) readFlag(word.slice(0, equals), word.slice(equals + 1), { text: word, from }, settings)
      continue
    }
    // Node stops at the first word that is neither an option nor the value of one ('--max-old-space-size=384' in single
    // quotes). Which options take a value is not known here, so one word after any of them is taken for its value.
    if (option === undefined) return
    if (option.endsWith('percentage')) readFlag(option, word, { text: `${option} ${word}`, from }, settings)
    option = undefined
  }
}

/** V8 takes one dash or two, `-` or `_` in the name; a value in a word of its own is for Node's percentage alone. */
function readFlag(option: string, text: string, written: Omit<Setting, 'value'>, settings: Settings): void {
  const name = option.replace(/_/g, '-').replace('--', '-')
  if (!/^-max-(old-space|semi-space|heap)-size(-percentage)?$/.test(name)) return
  const value = name.endsWith('percentage') ? percentageOf(text) : sizeOf(text)
  if (value !== undefined) settings[name] = { value, ...written }
}

/** Node refuses to start with anything outside of 0 to 100 but nan, which has no effect. */
function percentageOf(text: string): number | undefined {
  const value = Number(text)
  return value > 0 && value <= 100 ? value : undefined
}

/**
 * A V8 size as strtoll reads it: leading white space, a sign, decimal digits; nothing at all is 0. undefined where it is
 * out of bounds (negative, or from 2^63), so V8 says so on stderr and keeps the value it had, or illegal, so Node does
 * not start.
 */
function sizeOf(text: string): number | undefined {
  const value = /^\s*[-+]?\d+$|^$/.test(text) ? Number(text) : -1
  return value >= 0 && value < 2 ** 63 ? value : undefined
}
