// Transparency by difference: a case runs with an empty preload, with the guard (its lines in a file), and with the
// guard at its defaults (its lines taken out of stderr). What can be seen from outside and from inside must be equal.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { EMPTY, GUARD, type LogRecord, NODE, recordsIn } from '../preload/node.ts'

/** The Node under test. */
export const MAJOR = Number(/^v(\d+)/.exec(spawnSync(NODE, ['--version'], { encoding: 'utf8' }).stdout)?.[1])
/** All cases, in place of the quick ones. */
export const IS_FULL = Boolean(process.env.HEAPGUARD_TEST_FULL)
export const LOOK = resolve('test/transparency/look.cjs')
/** A Node whose internals have other names: the signal design's fallback is at work. */
const HIDE = resolve('test/fixtures/hide-signal-internals.cjs')
const MOST_MS = 60_000

/** What a case's command is made of. */
export interface Run {
  readonly node: string
  /** nodeArgs and what makes node run the script. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The working directory, empty but for the case's files. */
  readonly folder: string
}

/** A signal for the process, `all SIGINT` for its group (Ctrl+C), `wait for word` on stdout, or anything else. */
export type Step =
  | NodeJS.Signals
  | `all ${NodeJS.Signals}`
  | `wait for ${string}`
  | ((kill: (signal: NodeJS.Signals) => unknown) => unknown)

export interface Case {
  /** The app: run by -e, or as the file that `as` names. `look('label')` is there in CommonJS; so is `ready()`. */
  readonly script: string
  readonly as?: string
  readonly nodeArgs?: readonly string[]
  /** NODE_OPTIONS, where it is not just `--require preload`. */
  readonly nodeOptions?: (preload: string) => string
  readonly env?: Readonly<Record<string, string>>
  /** More files of the working directory. */
  readonly files?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** What stands in front of node, or in its place; by default node itself. */
  readonly command?: (run: Run) => readonly string[]
  readonly steps?: readonly Step[]
  /** What the run without the guard must come to, so that a case that never ran what it means to run is seen. */
  readonly want?: {
    readonly code?: number | null
    readonly signal?: NodeJS.Signals
    readonly stdout?: string | RegExp
    readonly stderr?: string | RegExp
    readonly files?: readonly string[]
    readonly texts?: Readonly<Record<string, string | RegExp>>
  }
  /** Events that the guard must have logged to its file, in order. */
  readonly events?: readonly string[]
  /** Also on a Node whose internals are not as expected. */
  readonly fallback?: boolean
  /** The oldest Node that has what the case needs, and the newest. */
  readonly from?: number
  readonly to?: number
  /** Why it cannot run here. */
  readonly skip?: string | undefined
  /** Only under HEAPGUARD_TEST_FULL. */
  readonly full?: boolean
  /** How often both are run until they are the same, where the outcome is a race without the guard too. */
  readonly attempts?: number
  /** Text that differs from run to run. */
  readonly blur?: (text: string) => string
  /** Where the working directory is made: below a folder whose node_modules the script needs. */
  readonly under?: string
  /** Files of the working directory whose text is compared too. */
  readonly texts?: RegExp
  /** When it is killed, in place of a minute. */
  readonly mostMs?: number
}

export interface Seen {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly looks: readonly Look[]
  readonly files: readonly string[]
  readonly texts: Readonly<Record<string, string>>
}

interface Look {
  readonly label: string
  readonly events: readonly string[]
  readonly listeners: Readonly<Record<string, Listeners>>
  readonly cache: readonly string[]
}
interface Listeners {
  readonly count: number
  readonly names: readonly string[]
  readonly raw: readonly string[]
}

export interface Ran {
  readonly seen: Seen
  readonly records: readonly LogRecord[]
  /** stdout as it came: a manager passes on there what its services say. */
  readonly stdout: string
  readonly ms: number
}

const PRELUDE = `const { look } = require(${JSON.stringify(LOOK)}); const ready = () => console.log('ready');`

/**
 * file: the guard's lines in a file, the whole guard from the start. quiet: its defaults where all is plain and fits, stderr
 * a real pipe, so that the quiet start stands in. default: its defaults on this machine, stderr a socket.
 */
type Way = 'file' | 'quiet' | 'default'

const PIPED = ['python3', resolve('test/transparency/piped.py')]
const hasPython = spawnSync('python3', ['--version']).status === 0

/** Runs a case once. `preload` is what NODE_OPTIONS requires. */
export async function runCase(one: Case, preload: string, logs: Way): Promise<Ran> {
  // Not by a name with `heapguard` in it: a script below it would be no quiet start (usual.ts).
  const scratch = mkdtempSync(join(one.under ?? tmpdir(), 'guard-case-'))
  const folder = join(scratch, 'cwd')
  const lookFile = join(scratch, 'look')
  const logFile = join(scratch, 'log')
  mkdirSync(folder)
  // A case may run as another user.
  for (const path of [scratch, folder]) chmodSync(path, 0o777)
  const isModule = one.as?.endsWith('.mjs') || one.nodeArgs?.includes('--input-type=module')
  const script = isModule || !/\b(look|ready)\b/.test(one.script) ? one.script : PRELUDE + one.script
  const files = { ...one.files, ...(one.as === undefined ? {} : { [one.as]: script }) }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const env = {
    PATH: `${dirname(NODE)}:${process.env.PATH}`,
    HOME: process.env.HOME ?? '/',
    NODE_OPTIONS:
      one.nodeOptions?.(preload) ?? `${logs === 'default' ? '' : '--max-old-space-size=384 '}--require ${preload}`,
    GUARD_TEST_LOOK: lookFile,
    // The empty preload's run has it too: the environment must be the same. Where all fits, nothing is worded at boot, and
    // the second file is loaded by the first tick. So large that whatever else runs in this machine's group is no pressure.
    ...(logs === 'default' ? {} : { CONTAINER_MEMORY_MB: '900000' }),
    ...(logs === 'file' ? { HEAPGUARD_LOG_FILE: logFile } : {}),
    ...one.env,
  }
  const args = [...(one.nodeArgs ?? []), ...(one.as === undefined ? ['-e', script] : [one.as])]
  const command = one.command?.({ node: NODE, args, env, folder }) ?? [NODE, ...args]
  try {
    const { ms, pid, ...ended } = await start(
      command,
      env,
      folder,
      one,
      logs === 'quiet' ? join(scratch, 'command') : undefined,
    )
    const left = existsSync(folder)
      ? readdirSync(folder, { recursive: true }).map(String).sort()
      : ['(the folder is gone)']
    const texts = left
      .filter(name => one.texts?.test(name))
      .map(name => [name, readFileSync(join(folder, name), 'utf8')])
    const looks = existsSync(lookFile) ? readFileSync(lookFile, 'utf8').trim().split('\n') : []
    const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''
    const blur = (text: string): string =>
      (one.blur ?? String)(text)
        .replaceAll(scratch, '<scratch>')
        .replaceAll(preload, '<preload>')
        .replaceAll(GUARD, '<preload>')
        .replaceAll(EMPTY, '<preload>')
        .replaceAll(/\(node:\d+\)/g, '(node:<pid>)')
        // Not where a pid happens to be a number of the script's own, such as setInterval(() => {}, 1000).
        .replaceAll(new RegExp(`(?<![,=<>+*] ?)\\b${pid}\\b(?!\\))`, 'g'), '<pid>')
    return {
      seen: {
        ...ended,
        stdout: blur(ended.stdout),
        stderr: blur(withoutLines(ended.stderr)),
        looks: looks.map(look => JSON.parse(blur(look)) as Look),
        files: left.map(blur),
        texts: Object.fromEntries(texts.map(pair => pair.map(blur))),
      },
      records: recordsIn(logs === 'file' ? log : ended.stderr),
      stdout: ended.stdout,
      ms,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function start(command: readonly string[], env: Run['env'], cwd: string, one: Case, commandFile?: string) {
  const { steps = [], stdin, mostMs = MOST_MS } = one
  const began = process.hrtime.bigint()
  // Through env -i: the test runner adds a loader of its own to the environment of what a test spawns. In a group of its
  // own, for Ctrl+C, and so that nothing is left behind.
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const isPiped = commandFile !== undefined
  let args = ['-i', ...assignments, ...command]
  if (isPiped) {
    writeFileSync(commandFile, JSON.stringify(['env', ...args]))
    args = ['-i', `PATH=${env.PATH}`, ...PIPED, commandFile]
  }
  const stdio = ['pipe', 'pipe', 'pipe', isPiped ? 'pipe' : 'ignore'] as const
  const child = spawn('env', args, { cwd, stdio: [...stdio], detached: true }) as ChildProcessWithoutNullStreams
  child.stdin.on('error', () => {})
  child.stdin.end(stdin ?? '')
  const text = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  let told = ''
  const pid = await new Promise<number>(done => {
    if (!isPiped) return done(child.pid ?? Number.NaN)
    const teller = child.stdio[3] as Readable
    teller.setEncoding('utf8').on('data', chunk => {
      told += chunk
      done(Number.parseInt(told, 10))
    })
    // Nothing is told where the command could not even start.
    teller.on('close', () => done(Number.NaN))
    child.on('error', () => done(Number.NaN))
  })
  const group = -pid
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const check of waiting) check()
    })
  const kill = (whom: number, signal: NodeJS.Signals): void => {
    // 0 is the group of the tests themselves, and of whoever runs them; -1 is everybody.
    if (Number.isNaN(whom) || Math.abs(whom) < 2) return
    try {
      process.kill(whom, signal)
    } catch {
      // All of it has ended.
    }
  }
  const killer = setTimeout(() => kill(group, 'SIGKILL'), mostMs)
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done, fail) => {
    child.on('error', fail)
    child.on('close', (code, signal) => {
      const [, how, number] = /(code|signal) (\d+)/.exec(told) ?? []
      if (how === 'code') done({ code: Number(number), signal: null })
      else if (how === 'signal') done({ code: null, signal: signalOf(Number(number)) })
      else done({ code, signal })
    })
  })
  let isOver = false
  ended.then(
    () => {
      isOver = true
      for (const check of waiting) check()
    },
    () => {},
  )
  for (const step of steps) {
    if (typeof step === 'function') await step(signal => kill(pid, signal))
    else if (step.startsWith('wait for '))
      await new Promise<void>(done => {
        const word = step.slice('wait for '.length)
        const check = (): void => {
          if (isOver || text.stdout.includes(word)) done()
        }
        waiting.add(check)
        check()
      })
    else if (step.startsWith('all ')) kill(group, step.slice(4) as NodeJS.Signals)
    else kill(pid, step as NodeJS.Signals)
  }
  const end = await ended
  const ms = Number(process.hrtime.bigint() - began) / 1e6
  clearTimeout(killer)
  kill(group, 'SIGKILL')
  return { ...end, ...text, ms, pid }
}

const signalOf = (number: number): NodeJS.Signals | null =>
  (Object.keys(constants.signals) as NodeJS.Signals[]).find(name => constants.signals[name] === number) ?? null

/** stderr without the guard's lines, as JSON or as a terminal shows them. */
const withoutLines = (text: string): string =>
  text
    .replaceAll(/^\{"time":"[^\n]*"name":"heapguard"[^\n]*\n/gm, '')
    .replaceAll(/^\d\d:\d\d:\d\dZ heapguard\[\d+\] [^\n]*\n/gm, '')

/** The events that the guard listens to itself: the documented remainder, and no more. */
const OWN_EVENTS = ['newListener', 'exit']

/**
 * What the guard's run saw without its own listeners: one for newListener and one for exit (gone when the app is about to
 * have as many as Node takes without a warning). Taken out where the other run has none, so that order counts.
 */
function withoutRemainder(look: Look, bare: Look | undefined): Look {
  const listeners = { ...look.listeners }
  for (const event of OWN_EVENTS) {
    const { count, names, raw } = listeners[event] ?? NONE
    const want = bare?.listeners[event]?.names ?? []
    if (count !== want.length + 1) continue
    const own = names.findIndex((_, i) => without(names, i).join() === want.join())
    if (count === 1) delete listeners[event]
    else listeners[event] = { count: count - 1, names: without(names, own), raw: without(raw, own) }
  }
  return { ...look, events: look.events.filter(event => event in listeners).sort(), listeners }
}
const without = (list: readonly string[], i: number): readonly string[] => list.filter((_, j) => j !== i)
const NONE: Listeners = { count: 0, names: [], raw: [] }

const withoutPreload = (look: Look): Look => ({
  ...look,
  events: [...look.events].sort(),
  cache: look.cache.filter(file => file !== '<preload>'),
})

/** What a run without the guard is compared by. */
export const asBare = (seen: Seen): Seen => ({ ...seen, looks: seen.looks.map(withoutPreload) })
/** What a run with the guard is compared by: the same, with nothing of the guard's own left in the looks. */
export const asGuarded = (seen: Seen, bare: Seen): Seen => ({
  ...seen,
  looks: seen.looks.map((look, i) => withoutRemainder(look, bare.looks[i])),
})

/** Does one run take a time that another does not? Seconds, not milliseconds: the machine is busy with other tests. */
const isOfTheSameLength = (a: number, b: number): boolean => Math.abs(a - b) < 4000 + Math.min(a, b)

const rows: string[] = []

/** What run.mjs makes its table of: how the case ended without the guard, with it, and whether all was equal each time. */
interface Row {
  readonly major: number
  readonly name: string
  readonly bare: string
  readonly guarded: string
  readonly verdict: string
}

const note = (row: Omit<Row, 'major'>): void => {
  rows.push(`  ${row.verdict.padEnd(6)} ${row.name}`)
  const results = process.env.HEAPGUARD_TRANSPARENCY_RESULTS
  if (results) appendFileSync(results, `${JSON.stringify({ major: MAJOR, ...row })}\n`)
}
const endOf = ({ code, signal }: Seen): string => `${signal ?? code}`

/** Adds a table of cases to a test file, and a summary at its end. */
export function compareCases(t: Test, cases: Readonly<Record<string, Case>>): void {
  t.teardown(() => t.comment(`Node ${MAJOR}, ${rows.length} cases\n${rows.splice(0).join('\n')}`))
  for (const [name, one] of Object.entries(cases)) {
    const skip = whySkipped(one)
    if (skip !== undefined) {
      note({ name, bare: '', guarded: '', verdict: `- (${skip})` })
      t.test(name, { skip }, async () => {})
    } else t.test(name, async t => compareCase(t, name, one))
  }
}

function whySkipped({ skip, from = 20, to = 99, full = false }: Case): string | undefined {
  if (skip !== undefined) return skip
  if (MAJOR < from || MAJOR > to) return `not on Node ${MAJOR}`
  return full && !IS_FULL ? 'HEAPGUARD_TEST_FULL' : undefined
}

async function compareCase(t: Test, name: string, one: Case): Promise<void> {
  const bare = await runCase(one, EMPTY, 'default')
  const { want = {} } = one
  const isWanted = t.match(bare.seen, want, 'the case is what it says')
  let lastEnd = ''
  const compare = async (how: string, before: string, logs: Way): Promise<boolean> => {
    for (let attempt = 1; ; attempt++) {
      const base =
        before === '' && logs === 'default' && attempt === 1 ? bare : await runCase(one, `${before}${EMPTY}`, logs)
      const guarded = await runCase(one, `${before}${GUARD}`, logs)
      lastEnd = endOf(guarded.seen)
      const found = asGuarded(guarded.seen, base.seen)
      const wanted = asBare(base.seen)
      if (attempt < (one.attempts ?? 1) && !isDeepStrictEqual(found, wanted)) continue
      const same = t.strictSame(found, wanted, `the same with the guard as without: ${how}`)
      const inTime = t.ok(isOfTheSameLength(guarded.ms, base.ms), `as long: ${base.ms} and ${guarded.ms} ms`)
      if (logs === 'file' && before === '' && one.events !== undefined)
        t.strictSame(
          guarded.records.map(record => record.event),
          one.events,
          'what the guard said',
        )
      return same && inTime
    }
  }
  const results = [await compare('lines in a file', '', 'file')]
  if (hasPython) results.push(await compare('a quiet start', '', 'quiet'))
  else t.comment('no python3 here: no quiet start')
  if (IS_FULL || !hasPython) results.push(await compare('lines on stderr', '', 'default'))
  if (one.fallback) results.push(await compare('other internals', `${HIDE} --require `, 'file'))
  const verdict = [isWanted, ...results].map(isRight => (isRight ? '=' : '!')).join(' ')
  note({ name, bare: endOf(bare.seen), guarded: lastEnd, verdict })
}
