// Asks a fresh node what it would take with the flags that are judged; the process to judge is never touched.
import { spawnSync } from 'node:child_process'
import { type Bytes, bytes } from '../../preload/core/units.ts'
import { isSizingFlag, joinWords, type Option, parseNodeOptions } from './options.ts'

export interface Question {
  /** The node binary. */
  readonly program: string
  readonly options: readonly Option[]
  readonly nodeOptions: string | undefined
}

export type Answer =
  | {
      readonly kind: 'told'
      readonly heapLimitBytes: Bytes
      readonly constrained: number | undefined
      readonly nodeVersion: string
      /** It can start itself again in place. */
      readonly hasExecve: boolean
    }
  /** Node would not start: exit 9 for a flag that it does not know, or not in NODE_OPTIONS. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Node is over before it runs a line: a heap too small even for that. */
  | { readonly kind: 'dies'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

const SCRIPT = `process.stdout.write(JSON.stringify({
  heapLimitBytes: require('v8').getHeapStatistics().heap_size_limit,
  constrained: process.constrainedMemory && process.constrainedMemory(),
  nodeVersion: process.version,
  hasExecve: typeof process.execve === 'function' }))`

/** The exit status of a node that takes offence at an option. */
const REFUSED = 9
const PATIENCE_MS = 10_000

/**
 * Starts node twice at most: with all that is set and --version, which loads no preload and opens no port, to hear what it
 * refuses; then with what sizes its memory alone, for V8's live heap_size_limit. Never throws.
 */
export function askNode({ program, options, nodeOptions }: Question): Answer {
  const start = (argv: readonly string[], value: string) => {
    const env = { PATH: process.env.PATH, HEAPGUARD_ENABLED: 'false', ...(value === '' ? {} : { NODE_OPTIONS: value }) }
    return spawnSync(program, argv, { env, encoding: 'utf8', timeout: PATIENCE_MS, stdio: ['ignore', 'pipe', 'pipe'] })
  }
  if (options.length > 0 || (nodeOptions ?? '') !== '') {
    const { status, stderr } = start([...options.flatMap(option => option.words), '--version'], nodeOptions ?? '')
    if (status === REFUSED) return { kind: 'refused', reason: firstLine(stderr, program) }
  }
  const sizing = parseNodeOptions(nodeOptions).options.filter(isSizingFlag)
  const argv = options.filter(isSizingFlag).flatMap(option => option.words)
  const end = start([...argv, '-e', SCRIPT], joinWords(sizing.flatMap(option => option.words)))
  if (end.error !== undefined) return { kind: 'failed', reason: `${program}: ${end.error.message}` }
  try {
    const told = JSON.parse(end.stdout)
    return { kind: 'told', ...told, heapLimitBytes: bytes(told.heapLimitBytes) }
  } catch {
    const how = end.signal ?? `exit ${end.status}`
    if (/^(SIG(TRAP|ABRT|ILL|SEGV)|exit 13[3-9])$/.test(how) && argv.length + sizing.length > 0)
      return { kind: 'dies', reason: `${how}: ${fatalLine(end.stderr) ?? firstLine(end.stderr, program)}` }
    return { kind: 'failed', reason: `${program} ended (${how}) without an answer: ${firstLine(end.stderr, program)}` }
  }
}

/** V8's, behind what it tells of collections. */
const fatalLine = (text: string): string | undefined => /^.*\bfatal\b.*$/im.exec(text)?.[0].trim().slice(0, 200)

const firstLine = (text: string, program: string): string =>
  (text.split('\n').find(line => line.trim() !== '') ?? 'no reason given').replace(`${program}: `, '').slice(0, 200)
