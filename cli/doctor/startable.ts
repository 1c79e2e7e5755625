// NODE_OPTIONS with which node would start, where it does not with those that are set.
import { basename } from 'node:path'
import type { Answer } from './ask-node.ts'
import type { Facts } from './facts.ts'
import { isHeapFlag, joinWords, type Option, parseNodeOptions } from './options.ts'

/** More flags than that are not refused one by one. */
const MOST_REFUSED = 5

/**
 * The options less those that this node refuses or dies of, and with the guard where it is named but not there; undefined
 * where that does not help: what is refused stands on the command line, or a preload of the app's is missing.
 */
export function startable(facts: Facts, ask: (nodeOptions: string) => Answer): string | undefined {
  let options = guardInItsPlace(facts)
  if (options === undefined) return undefined
  for (let refused = 0; refused <= MOST_REFUSED; refused++) {
    const text = textOf(options)
    const answer = ask(text)
    if (answer.kind === 'told') return text
    if (answer.kind === 'failed') return undefined
    const kept: readonly Option[] =
      answer.kind === 'dies' ? options.filter(option => !isHeapFlag(option)) : withoutRefused(options, answer.reason)
    if (kept.length === options.length) return undefined
    options = kept
  }
  return undefined
}

const textOf = (options: readonly Option[]): string => joinWords(options.flatMap(({ words }) => words))

/** `node: --no-such-flag is not allowed in NODE_OPTIONS`, `--x=` with a value, `bad option: --x`. */
function withoutRefused(options: readonly Option[], reason: string): readonly Option[] {
  const refused = /(--?[a-z][\w-]*)/i.exec(reason)?.[1]?.replace(/_/g, '-')
  return options.filter(({ name }) => name !== refused)
}

function guardInItsPlace({ subject, preloads, guard }: Facts): readonly Option[] | undefined {
  const missing = preloads.filter(({ isThere }) => !isThere).map(({ named }) => named)
  const { options } = parseNodeOptions(subject.nodeOptions)
  if (missing.length === 0) return options
  const isGuards = (named: string | undefined) => named !== undefined && basename(named) === 'preload.js'
  if (guard === undefined || !missing.every(isGuards)) return undefined
  return options.map(option =>
    missing.includes(option.value ?? '') ? { ...option, value: guard, words: ['--require', guard] } : option,
  )
}
