// The words after `heapguard`, as one of a few commands.
import { parseArgs } from 'node:util'

export interface DoctorCommand {
  readonly kind: 'doctor'
  readonly json: boolean
  /** Any finding makes the exit status 1. */
  readonly strict: boolean
  /** The process to judge; else a command, else what would be started here. */
  readonly pid?: number
  /** NODE_OPTIONS to judge in the place of the environment's. */
  readonly nodeOptions?: string
  /** The words after `--`. */
  readonly command?: readonly string[]
}

export interface ReportCommand {
  readonly kind: 'report'
  /** A path, or - for stdin. */
  readonly log: string
  readonly html?: string
  readonly json: boolean
}

export type Command =
  | DoctorCommand
  | ReportCommand
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly reason: string }

export const USAGE = `heapguard doctor [--json] [--strict] [--node-options VALUE] [--pid N | -- COMMAND …]
  What this container gives, what Node would take, and the NODE_OPTIONS to set.
  --pid N               judge a running process (of an init or a shell: the node process behind it)
  -- node server.js     judge a command with its own flags
  --node-options VALUE  judge this NODE_OPTIONS (where node does not even start with it)
  --strict              exit with 1 for any finding, not only when the heap does not fit
  exit status: 0 it fits, 1 it does not (or node would not start), 2 could not tell

heapguard report LOG|- [--html FILE] [--json]
  Charts of the guard's records in a log (- is stdin; gzip too), one for each process.
  --html FILE|-         one page that needs no network, into a file or to stdout
  exit status: 0 drawn, 2 no records or not readable

--json for programs, --help, --version
`

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
  pid: { type: 'string' },
  'node-options': { type: 'string' },
  html: { type: 'string' },
} as const

const OWN_OPTIONS = ['-h', '-v', ...Object.keys(OPTIONS).map(name => `--${name}`)]

const OF_DOCTOR = ['json', 'strict', 'pid', 'node-options']
const OF_REPORT = ['json', 'html']

/** Parses what stands after the script's name. Never throws: a mistake is `wrong` with its reason. */
export function parseCommand(argv: readonly string[]): Command {
  const dashes = argv.indexOf('--')
  const words = dashes < 0 ? argv : argv.slice(0, dashes)
  const command = dashes < 0 ? undefined : argv.slice(dashes + 1)
  const swallowed = swallowedOption(words)
  if (swallowed !== undefined)
    return wrong(
      `--node-options has no value: ${swallowed} is an option of its own (an empty value is --node-options=)`,
    )
  const own = withJoinedValue(words)
  try {
    const { values, positionals } = parseArgs({ args: [...own], options: OPTIONS, allowPositionals: true })
    const [name, ...rest] = positionals
    if (values.help || name === 'help' || (name === undefined && !values.version)) return { kind: 'help' }
    if (values.version) return { kind: 'version' }
    const allowed = name === 'doctor' ? OF_DOCTOR : name === 'report' ? OF_REPORT : undefined
    if (allowed === undefined) return wrong(`no such command: ${name}`)
    const stray = Object.keys(values).find(option => !allowed.includes(option))
    if (stray !== undefined) return wrong(`${name} knows no --${stray}`)
    const json = values.json ?? false
    if (name === 'report') {
      const [log, surplus] = [...rest, ...(command ?? [])]
      if (log === undefined) return wrong('report needs a log file, or - for stdin')
      if (surplus !== undefined) return wrong(`report takes one log; cat several into it: ${surplus}`)
      return { kind: 'report', log, json, ...(values.html === undefined ? {} : { html: values.html }) }
    }
    if (rest.length > 0) return wrong(`put the command to judge after --: heapguard doctor -- ${rest.join(' ')}`)
    if (command?.length === 0) return wrong('nothing stands after --')
    if (values.pid !== undefined && command !== undefined) return wrong('--pid and a command are two questions')
    if (values.pid !== undefined && !/^[1-9]\d{0,9}$/.test(values.pid)) return wrong(`--pid ${values.pid} is no pid`)
    return {
      kind: 'doctor',
      json,
      strict: values.strict ?? false,
      ...(values.pid === undefined ? {} : { pid: Number(values.pid) }),
      ...(values['node-options'] === undefined ? {} : { nodeOptions: values['node-options'] }),
      ...(command === undefined ? {} : { command }),
    }
  } catch (error) {
    return wrong((error as Error).message)
  }
}

/** An unquoted variable that is empty leaves no word, and the option after it in the value's place. */
function swallowedOption(words: readonly string[]): string | undefined {
  const at = words.indexOf('--node-options')
  const value = at < 0 ? undefined : words[at + 1]
  return value !== undefined && OWN_OPTIONS.includes(value.split('=')[0] ?? '') ? value : undefined
}

/** parseArgs refuses a value that begins with a dash, as every NODE_OPTIONS does, unless a `=` joins it. */
function withJoinedValue(words: readonly string[]): readonly string[] {
  const at = words.indexOf('--node-options')
  const value = words[at + 1]
  return at < 0 || value === undefined
    ? words
    : [...words.slice(0, at), `${words[at]}=${value}`, ...words.slice(at + 2)]
}

const wrong = (reason: string): Command => ({ kind: 'wrong', reason })
