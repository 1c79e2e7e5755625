// What the container tests need of docker, and why they are skipped where it is not there.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const baseImage = (major: string) => `node:${major}-bookworm-slim`

/** One line of a container's log; `at` is docker's own time of it, in a form that sorts as text. */
export type LogLine = { stream: 'stdout' | 'stderr'; at: string; text: string }

/** What has not been said by then will not be said: a container is up within a second or two. */
const patienceMs = 20_000

/** A line of the guard or of the app; `event` is '' for a line that is not theirs. */
export type LogRecord = { event: string; [key: string]: unknown }

export type RunOptions = { args?: readonly string[]; command?: readonly string[] }

/** Runs docker and returns its stdout; rejects with docker's own words. */
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim()
}

/** Why containers of these Node majors cannot be run here; undefined: they can. */
export async function whyNoDocker(majors: readonly string[] = ['24']): Promise<string | undefined> {
  try {
    await docker('version', '--format', '{{.Server.Version}}')
  } catch (error) {
    return `no docker here: ${firstLine(error)}`
  }
  for (const major of majors) {
    const image = baseImage(major)
    try {
      await docker('image', 'inspect', image).catch(() => docker('pull', '--quiet', image))
    } catch (error) {
      return `no ${image} here: ${firstLine(error)}`
    }
  }
  return undefined
}

/** Builds an image and removes its tag when the test has ended; the layers stay, so that the next build is quick. */
export async function build(t: Test, name: string, folder: string, args: readonly string[] = []): Promise<string> {
  const tag = `heapguard-test:${name}-${process.pid}`
  // The host's network: npm ci has to reach its registry, also where the daemon's bridge leads nowhere.
  await docker('build', '--network=host', '--force-rm', '--quiet', '--tag', tag, ...args, folder)
  t.teardown(() => docker('rmi', '--no-prune', tag))
  return tag
}

/** Runs a container to its end and returns what it wrote to stdout. */
export const output = (image: string, command: readonly string[], args: readonly string[] = []) =>
  docker('run', '--rm', ...args, image, ...command)

/** Starts a container; it is removed, with its volumes, when the test has ended. */
export async function start(t: Test, image: string, { args = [], command = [] }: RunOptions = {}) {
  const id = await docker('run', '--detach', '--publish-all', ...args, image, ...command)
  t.teardown(() => docker('rm', '--force', '--volumes', id))
  return new Container(id)
}

export class Container {
  readonly id: string
  readonly log: LogLine[] = []
  readonly #waiting = new Set<() => void>()
  readonly #logClosed: Promise<unknown>
  #isLogClosed = false

  constructor(id: string) {
    this.id = id
    const follow = spawn('docker', ['logs', '--follow', '--timestamps', id], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: follow[stream] }).on('line', line => {
        const space = line.indexOf(' ')
        this.log.push({ stream, at: line.slice(0, space), text: line.slice(space + 1) })
        this.#wake()
      })
    }
    this.#logClosed = once(follow, 'close').then(() => {
      this.#isLogClosed = true
      this.#wake()
    })
  }

  /** The lines of one stream, in order. */
  lines(stream: LogLine['stream']): string[] {
    return this.log.filter(line => line.stream === stream).map(line => line.text)
  }

  /** The first log line that `matches`, as soon as it is there; rejects if the container ends or goes on without it. */
  async said(matches: (record: LogRecord, line: LogLine) => boolean): Promise<LogLine & { record: LogRecord }> {
    const giveUpMs = Date.now() + patienceMs
    const alarm = setTimeout(() => this.#wake(), patienceMs + 1)
    try {
      return await this.#find(matches, giveUpMs)
    } finally {
      clearTimeout(alarm)
    }
  }

  async #find(matches: (record: LogRecord, line: LogLine) => boolean, giveUpMs: number) {
    for (;;) {
      for (const line of this.log) {
        const record = parse(line.text)
        if (matches(record, line)) return { ...line, record }
      }
      if (this.#isLogClosed) throw new Error(`the container ended without it: ${JSON.stringify(this.log)}`)
      if (Date.now() > giveUpMs) throw new Error(`not said in ${patienceMs} ms: ${JSON.stringify(this.log)}`)
      await new Promise<void>(resolve => this.#waiting.add(resolve))
    }
  }

  /** The guard's boot line. */
  booted() {
    return this.said(({ name, event }) => name === 'heapguard' && event === 'heap-validated')
  }

  /** One request to the only port that the image exposes, on a connection of its own. */
  async fetch(path: string, init: RequestInit = {}) {
    const [address] = (await docker('port', this.id)).split('\n').map(line => line.split(' -> ')[1])
    const url = `http://${address?.replace('0.0.0.0', '127.0.0.1')}${path}`
    const response = await fetch(url, { ...init, headers: { ...init.headers, connection: 'close' } })
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
  }

  exec(...command: string[]) {
    return docker('exec', this.id, ...command)
  }

  /** `docker stop`: how the container ended, and how long after the first signal, by docker's own clock. */
  async stop(graceS = 10) {
    const since = `${Date.now() / 1000}`
    await docker('stop', `--time=${graceS}`, this.id)
    const end = await this.ended()
    return { ...end, tookMs: (await this.#finishedMs()) - (await this.#signalledMs(since)) }
  }

  /** Waits for the end; all of the log has been read then. */
  async ended() {
    const code = Number(await docker('wait', this.id))
    await this.#logClosed
    return { code, oomKilled: (await this.inspect('{{.State.OOMKilled}}')) === 'true' }
  }

  inspect(format: string) {
    return docker('inspect', '--format', format, this.id)
  }

  /** Docker's HEALTHCHECK verdict, the first there is. */
  async health(): Promise<string> {
    const events = spawn('docker', ['events', '--since=10m', `--filter=container=${this.id}`, '--format={{.Status}}'])
    try {
      for await (const status of createInterface({ input: events.stdout })) {
        const verdict = /^health_status: (.*)$/.exec(status)?.[1]
        if (verdict) return verdict
      }
    } finally {
      events.kill()
    }
    throw new Error('docker events ended')
  }

  /** When the first signal was sent: docker's own command takes its time before it asks the daemon for anything. */
  async #signalledMs(since: string) {
    const span = [`--since=${since}`, `--until=${Date.now() / 1000}`]
    const format = '--format={{.TimeNano}}'
    const kills = await docker('events', ...span, `--filter=container=${this.id}`, '--filter=event=kill', format)
    if (kills === '') throw new Error('docker knows of no signal to the container')
    return Number(kills.split('\n')[0]) / 1e6
  }

  async #finishedMs() {
    return Date.parse(await this.inspect('{{.State.FinishedAt}}'))
  }

  #wake() {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function parse(text: string): LogRecord {
  try {
    const value = JSON.parse(text)
    return typeof value?.event === 'string' ? value : { event: '' }
  } catch {
    return { event: '' } // a line that is no JSON is a foreign app's own
  }
}

function firstLine(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string }
  if (code === 'ENOENT') return 'no such command'
  return (stderr?.trim() || message).split('\n')[0] ?? ''
}
