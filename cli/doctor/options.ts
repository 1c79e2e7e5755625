// Node's options, of NODE_OPTIONS and of a command line, taken apart and put together again.
import { splitNodeOptions } from '../../preload/core/node-options.ts'

/** One option with its value, wherever that stands. */
export interface Option {
  /** With two dashes (one for a single letter) and `-` between words: --max-old-space-size, -r. */
  readonly name: string
  readonly value?: string
  /** As written: one word, or two. */
  readonly words: readonly string[]
}

export interface ParsedWords {
  readonly options: readonly Option[]
  /** From the first word that is neither an option nor the value of one: a script, or what Node ignores. */
  readonly rest: readonly string[]
}

/** Options whose value is a word of its own, as far as they are met in practice; every other needs a `=`. */
const TAKES_NEXT =
  /^(-[rCep]|-pe|--(require|import|conditions|eval|print|loader|experimental-loader|env-file(-if-exists)?|title|run|input-type|icu-data-dir|disable-warning|redirect-warnings|openssl-config|dns-result-order|unhandled-rejections|diagnostic-dir|inspect-port|watch-path|max-http-header-size|secure-heap|max-old-space-size-percentage|test-[a-z-]+|cpu-prof-[a-z]+|report-[a-z]+|trace-event-[a-z-]+))$/

/**
 * Node's arguments up to the script. In NODE_OPTIONS Node stops at the first stray word (in single quotes, say) and
 * ignores it and all that follows, without a word.
 */
export function parseWords(words: readonly string[]): ParsedWords {
  const options: Option[] = []
  for (let at = 0; at < words.length; ) {
    const word = words[at] ?? ''
    if (!word.startsWith('-') || word === '-' || word === '--') return { options, rest: words.slice(at) }
    const equals = word.indexOf('=')
    const name = nameOf(equals < 0 ? word : word.slice(0, equals))
    const next = words[at + 1]
    if (equals < 0 && TAKES_NEXT.test(name) && next !== undefined) {
      options.push({ name, value: next, words: [word, next] })
      at += 2
    } else {
      options.push({ name, words: [word], ...(equals < 0 ? {} : { value: word.slice(equals + 1) }) })
      at += 1
    }
  }
  return { options, rest: [] }
}

/** NODE_OPTIONS taken apart; nothing of one that Node cannot read at all. */
export const parseNodeOptions = (text: string | undefined): ParsedWords =>
  parseWords(splitNodeOptions(text ?? '') ?? [])

// V8 takes `_` for `-`, and one dash for two.
function nameOf(word: string): string {
  const name = word.replace(/_/g, '-')
  return /^-[a-z]{2}/.test(name) && name !== '-pe' ? `-${name}` : name
}

const HEAP_FLAG = /^--max-(old-space|semi-space|heap)-size(-percentage)?$/

/** The flags that a remedy replaces. */
export const isHeapFlag = ({ name }: Option): boolean => HEAP_FLAG.test(name)

/** Whatever may size V8's memory, and runs, opens or writes nothing: all that a fresh node is given to be asked. */
export const isSizingFlag = ({ name }: Option): boolean =>
  /(space|size|heap|generation|percentage|lite-mode|gc-interval|memory)/.test(name) &&
  !/(prof|snapshot|trace|print|log|http|openssl|secure|report|watch)/.test(name)

/** What an option has node load before the script. */
export interface Loaded {
  /** As --require or --import has it. */
  readonly named: string
  /** --import: found as a module is, where nothing is added to a name. */
  readonly isImport: boolean
}

export const preloadsOf = (options: readonly Option[]): readonly Loaded[] =>
  options.flatMap(({ name, value }) =>
    /^(-r|--require|--import)$/.test(name) && value ? [{ named: value, isImport: name === '--import' }] : [],
  )

/** A NODE_OPTIONS that Node reads otherwise than it was meant. */
export interface MisreadOptions {
  readonly fault: 'quotes' | 'white-space'
  /** As it was meant. */
  readonly text: string
}

/**
 * What was meant by a text that is in quotes as a whole, or that has line breaks or tabs between its options; undefined
 * where it is read as it was meant. Never throws.
 */
export function misread(text: string | undefined): MisreadOptions | undefined {
  const [, quote, inside = ''] = /^\s*(["'])\s*([^"']*?)\s*\1\s*$/.exec(text ?? '') ?? []
  // Double quotes around one option alone are Node's own way to write a space in it.
  if (quote === "'" || (quote === '"' && /\s-/.test(inside))) return { fault: 'quotes', text: onOneLine(inside) }
  return /[\n\r\t]/.test(text ?? '') ? { fault: 'white-space', text: onOneLine(text ?? '') } : undefined
}

const onOneLine = (text: string): string => text.trim().replace(/\s+/g, ' ')

/** Words as NODE_OPTIONS must have them. */
export const joinWords = (words: readonly string[]): string =>
  words.map(word => (/[ "\\]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word)).join(' ')

/**
 * NODE_OPTIONS with these heap flags in the place of those that are set and the rest kept, and with the guard where it
 * is not there yet.
 */
export function withHeapFlags(text: string | undefined, heapFlags: string | undefined, guard?: string): string {
  const { options } = parseNodeOptions(text)
  const kept = heapFlags === undefined ? options : options.filter(option => !isHeapFlag(option))
  return joinWords([
    ...(heapFlags === undefined ? [] : heapFlags.split(' ')),
    ...kept.flatMap(option => option.words),
    ...(guard === undefined ? [] : ['--require', guard]),
  ])
}
