// Starts real Node on the built bundle, with the guard or with an empty preload, and watches what can be seen outside.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The Node under test: another major's binary where the environment names one. */
export const NODE = process.env.HEAPGUARD_TEST_NODE ?? process.execPath
export const GUARD = resolve('dist/preload.js')
export const EMPTY = resolve('test/fixtures/empty.cjs')

/** Whether that Node can keep the environment out of its reports (from 22.13 on). */
export const canExcludeEnv = (): boolean =>
  execFileSync(NODE, ['-p', "'excludeEnv' in process.report"]).toString().trim() === 'true'

export interface Start {
  /** Arguments of node: flags and a script, or -e and code. */
  readonly args: readonly string[]
  /** What NODE_OPTIONS requires; undefined: nothing. */
  readonly preload?: string | undefined
  /** More of NODE_OPTIONS, before the --require. */
  readonly nodeOptions?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: 'ignore' | 'pipe'
  /**
   * A real pipe as stderr, as under a container runtime: what Node makes for a child is a socket. Whoever reads it is a
   * child of the process.
   */
  readonly piped?: boolean
}

const PIPED = ['bash', '-c', 'exec "$@" 2> >(exec cat >&2)', 'bash']

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export interface Running {
  readonly child: ChildProcess
  /** Resolves when stdout holds the word; rejects when the process ends before. */
  readonly says: (word: string) => Promise<void>
  /** Resolves when stderr holds the word; rejects when the process ends before. */
  readonly complains: (word: string) => Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts node with nothing of this process's environment but PATH and HOME. It is killed after two minutes. */
export function startNode(start: Start): Running {
  const { args, preload, nodeOptions = '', env = {}, cwd, stdin = 'ignore', piped = false } = start
  const required = preload === undefined ? '' : `--require ${preload}`
  const NODE_OPTIONS = `${nodeOptions} ${required}`.trim()
  const began = process.hrtime.bigint()
  const variables = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ...(NODE_OPTIONS === '' ? {} : { NODE_OPTIONS }),
    ...env,
  }
  // Through env -i: the test runner adds a loader of its own to the environment of what a test spawns.
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const [program = '', ...command] = [...(piped ? PIPED : []), 'env', '-i', ...assignments, NODE, ...args]
  const child = spawn(program, command, { cwd, stdio: [stdin, 'pipe', 'pipe'] })
  const text = { stdout: '', stderr: '' }
  const waiting: (() => void)[] = []
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const check of waiting.slice()) check()
    })
  const killer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const ended = new Promise<Ended>((done, fail) => {
    child.on('error', fail)
    child.on('close', (code, signal) => {
      clearTimeout(killer)
      done({ code, signal, ...text, ms: Number(process.hrtime.bigint() - began) / 1e6 })
    })
  })
  const waitFor = (name: 'stdout' | 'stderr', word: string): Promise<void> =>
    new Promise((done, fail) => {
      const check = (): void => {
        if (text[name].includes(word)) done()
      }
      waiting.push(check)
      check()
      ended.then(
        end => fail(new Error(`ended before ${name} said ${word}: ${JSON.stringify(end).slice(0, 2000)}`)),
        fail,
      )
    })
  return { child, says: word => waitFor('stdout', word), complains: word => waitFor('stderr', word), ended }
}

/** Starts node and waits for its end. */
export const runNode = (start: Start): Promise<Ended> => startNode(start).ended

export interface LogRecord {
  readonly event: string
  readonly level: string
  readonly msg: string
  readonly [key: string]: unknown
}

/** The guard's records among other lines. */
export const recordsIn = (text: string): LogRecord[] =>
  text
    .split('\n')
    .filter(line => line.startsWith('{"time":') && line.includes('"name":"heapguard"'))
    .map(line => JSON.parse(line) as LogRecord)

/**
 * The least time between two neighbouring memory lines, in ms: about the interval where any two were on time, however many a busy
 * machine held up, and about twice it where every second one is left out. Infinity where there are not two.
 */
export const leastGapMs = (text: string): number => {
  const times = recordsIn(text)
    .filter(({ event }) => event === 'memory')
    .map(({ time }) => Date.parse(time as string))
  return Math.min(...times.slice(1).map((time, i) => time - (times[i] as number)))
}

/** What is left of a text without the guard's lines. */
export const withoutRecords = (text: string): string =>
  text
    .split('\n')
    .filter(line => !(line.startsWith('{"time":') && line.includes('"name":"heapguard"')))
    .join('\n')

/** An empty folder of the test's own. Not by a name with `heapguard` in it: of a script below it a quiet start knows nothing (usual.ts). */
export const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'guard-test-'))
