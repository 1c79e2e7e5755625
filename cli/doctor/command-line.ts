// A command as somebody would start it: which node, with which flags, through whose hands.
import { type Option, parseWords } from './options.ts'
import { simpleCommand } from './shell-line.ts'
import { unwrapped } from './wrappers.ts'

type Manager = 'npm' | 'npx' | 'yarn' | 'pnpm'

export interface CommandLine {
  /** What hands on to the rest, the outermost first: docker-init, sh, env. */
  readonly through: readonly string[]
  /** What starts node out of sight: the flags are not seen, its signals and its memory are a question of their own. */
  readonly launcher?: Manager | 'sh'
  /** A shell that was not told to exec what it starts: sh, bash. */
  readonly shell?: string
  /** The node binary, where the command names one. */
  readonly node?: string
  /** What is started in its place. */
  readonly stranger?: string
  readonly options: readonly Option[]
  readonly script?: string
  /** Variables set in front, `env A=b node`; undefined: taken away. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Nothing but these variables is left: `env -i`. */
  readonly clearsEnvironment: boolean
}

type Front = Pick<CommandLine, 'through' | 'variables' | 'clearsEnvironment'>

const NODE = /(^|\/)node(js)?(-?\d+)?(\.exe)?$/
const SHELLS = /(^|\/)(sh|bash|ash|dash)$/
const MANAGERS = /(^|\/)(npm|npx|yarn|pnpm)(-cli)?(\.c?js)?$/
const NOTHING: Front = { through: [], variables: {}, clearsEnvironment: false }

/** Whether a path's name is one of node's binaries: node, nodejs, node-22. */
export const isNodeName = (path: string): boolean => NODE.test(path)

/** Reads a command's words, as given after `--` or as /proc/<pid>/cmdline has them. */
export const parseCommandLine = (words: readonly string[]): CommandLine => read(words, NOTHING)

/**
 * Reads the words of a process that is node, by whatever name. A title that it has put in their place is one word, with
 * nothing but NULs up to where the old ones ended.
 */
export function parseNodeProcess(words: readonly string[]): CommandLine {
  const [program = '', ...rest] = words
  const isOwn = rest.length === 0 ? isNodeName(program) : rest.some(word => word !== '')
  return isOwn ? readNode(words, NOTHING) : readStranger(program, NOTHING)
}

/** Whether flags may stand where they are not seen; they would win over NODE_OPTIONS. */
export const hidesFlags = ({ node, launcher }: CommandLine): boolean => node === undefined || launcher !== undefined

/** The variables that the command has where it is started among these. */
export function variablesOf(
  { variables, clearsEnvironment }: CommandLine,
  around: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const all = Object.entries({ ...(clearsEnvironment ? {} : around), ...variables })
  return Object.fromEntries(all.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

function read(words: readonly string[], front: Front): CommandLine {
  const [program = '', ...rest] = words
  const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(program)
  if (assignment?.[1] !== undefined)
    return read(rest, { ...front, variables: { ...front.variables, [assignment[1]]: assignment[2] } })
  const wrapper = unwrapped(words)
  if (wrapper !== undefined) {
    const { name, clears, unset } = wrapper
    return read(wrapper.words, {
      through: [...front.through, name],
      variables: { ...(clears ? {} : front.variables), ...Object.fromEntries(unset.map(name => [name, undefined])) },
      clearsEnvironment: front.clearsEnvironment || clears,
    })
  }
  if (SHELLS.test(program)) return readShell(words, front)
  return isNodeName(program) ? readNode(words, front) : readStranger(program, front)
}

function readNode([node = '', ...words]: readonly string[], front: Front): CommandLine {
  const { options, rest } = parseWords(words)
  const script = rest[0] === '--' ? rest[1] : rest[0]
  const launcher = managerIn(script)
  return {
    ...front,
    node,
    options,
    ...(script === undefined ? {} : { script }),
    ...(launcher === undefined ? {} : { launcher }),
  }
}

function readStranger(program: string, front: Front): CommandLine {
  // npm calls itself `npm start` in /proc, in one word.
  const launcher = managerIn(program.split(' ')[0])
  const what = launcher === undefined ? { stranger: program.replace(/^.*\//, '') } : { launcher }
  return { ...front, options: [], ...what }
}

const managerIn = (path: string | undefined): Manager | undefined =>
  MANAGERS.exec(path ?? '')?.[2] as Manager | undefined

/** A line after -c that is one simple command is read as what it starts; of anything else nothing is known. */
function readShell(words: readonly string[], front: Front): CommandLine {
  const shell = (words[0] ?? '').replace(/^.*\//, '')
  const behind = { ...front, through: [...front.through, shell] }
  const command = simpleCommand(lineOf(words) ?? '') ?? []
  if (command.length === 0) return { ...behind, launcher: 'sh', shell, stranger: shell, options: [] }
  const started = read(command, behind)
  if (command.find(word => !word.includes('=')) === 'exec') return started
  return { ...started, shell, ...(started.stranger === undefined ? {} : { launcher: 'sh' }) }
}

/** What stands after -c, and after the options: `bash -o pipefail -ec LINE`. */
function lineOf(words: readonly string[]): string | undefined {
  let hasLine = false
  let at = 1
  for (; /^[-+]./.test(words[at] ?? ''); at++) {
    const word = words[at] ?? ''
    if (/^-[a-z]*c/i.test(word)) hasLine = true
    if (/^[-+][a-z]*o$/i.test(word)) at++
  }
  return hasLine ? words[at] : undefined
}
