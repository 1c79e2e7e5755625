// A command as somebody would start it: which node, with which flags, through whose hands.
import { type Option, parseWords } from './options.ts'

export interface CommandLine {
  /** What starts node without being it; its signals and its memory are a question of their own. */
  readonly launcher?: 'npm' | 'npx' | 'yarn' | 'pnpm' | 'sh'
  /** The node binary, where the command names one. */
  readonly node?: string
  readonly options: readonly Option[]
  readonly script?: string
  /** Variables set in front: `env A=b node`. */
  readonly variables: Readonly<Record<string, string>>
}

/** Inits that only hand on: what follows them is the command. */
const INITS = /(^|\/)(tini|dumb-init|catatonit|docker-init|exec|nice|ionice|stdbuf|env)$/
const SHELLS = /(^|\/)(sh|bash|ash|dash)$/
const MANAGERS = /(^|\/)(npm|npx|yarn|pnpm)(-cli)?(\.c?js)?$/

/** Reads a command's words, as given after `--` or as /proc/<pid>/cmdline has them. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const variables: Record<string, string> = {}
  let at = 0
  for (; at < words.length; at++) {
    const word = words[at] ?? ''
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word)
    if (assignment?.[1] !== undefined) variables[assignment[1]] = assignment[2] ?? ''
    else if (!INITS.test(word) && !word.startsWith('-')) break
  }
  const [program = '', ...rest] = words.slice(at)
  const none = { options: [], variables }
  // npm calls itself `npm start` in /proc, in one word.
  const manager = MANAGERS.exec(program.split(' ')[0] ?? '')?.[2]
  if (manager !== undefined) return { ...none, launcher: manager as 'npm' }
  if (SHELLS.test(program)) return { ...none, launcher: 'sh' }
  if (!/(^|\/)node(js)?(\.exe)?$/.test(program)) return none
  const { options, rest: scriptAndItsOwn } = parseWords(rest)
  const script = scriptAndItsOwn[0] === '--' ? scriptAndItsOwn[1] : scriptAndItsOwn[0]
  const underNode = MANAGERS.exec(script ?? '')?.[2]
  return {
    node: program,
    options,
    variables,
    ...(script === undefined ? {} : { script }),
    ...(underNode === undefined ? {} : { launcher: underNode as 'npm' }),
  }
}
