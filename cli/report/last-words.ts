// What V8 itself writes before it ends a process.
import { objectsIn } from './objects.ts'
import { beside, inFront } from './source.ts'

export type LastWords =
  /** `[1:0x3369d000]    43838 ms: Mark-Compact …`: says the pid, which the words after it do not. */
  | { readonly kind: 'collection'; readonly source: string | undefined; readonly pid: number }
  | { readonly kind: 'fatal'; readonly source: string | undefined; readonly msg: string }

const COLLECTION = /\[(\d{1,10}):0x[0-9a-f]+\] +\d+ ms: Mark-Compact/
/**
 * Node prints where it was, if that is known, and one of two messages (OOMErrorHandler in node's src/node_errors.cc). An app
 * may well say FATAL ERROR and memory, but hardly this.
 */
const FATAL = /FATAL ERROR: ((?:.{1,150} )?Allocation failed - (?:JavaScript heap|process) out of memory)\s*$/

/** V8's words in a line: alone, behind what a collector puts in front, or in a text of the JSON that it wraps lines in. */
export function lastWordsIn(line: string): LastWords | undefined {
  const plain = wordsOf(line)
  if (plain !== undefined) return plain
  for (const { fields, at } of objectsIn(line))
    for (const value of Object.values(fields)) {
      const words = typeof value === 'string' ? wordsOf(value) : undefined
      if (words === undefined) continue
      return { ...words, source: inFront(line.slice(0, at)).source ?? beside(fields) ?? words.source }
    }
  return undefined
}

function wordsOf(text: string): LastWords | undefined {
  const match = COLLECTION.exec(text) ?? FATAL.exec(text)
  if (match?.[1] === undefined) return undefined
  const { source, isCollectors } = inFront(text.slice(0, match.index))
  if (!isCollectors) return undefined
  return match[0].startsWith('[')
    ? { kind: 'collection', source, pid: Number(match[1]) }
    : { kind: 'fatal', source, msg: match[1] }
}
