import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type Line = { time: string; level: string; event: string; [key: string]: unknown }
export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }
type Teardown = (undo: () => void) => void

const script = fileURLToPath(new URL('../../app/server.js', import.meta.url))

/** The real service in a child process, on a port that the kernel picks. Its environment is what is given, and PATH. */
export class Service {
  readonly child: ChildProcess
  readonly lines: Line[] = []
  port = 0
  stderr = ''
  readonly #waiting = new Set<() => void>()
  readonly #ended: Promise<unknown>

  constructor(teardown: Teardown, env: Record<string, string>) {
    this.child = spawn(process.execPath, [script], {
      env: { PATH: process.env.PATH, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    teardown(() => this.child.kill('SIGKILL'))
    this.#ended = once(this.child, 'close').then(() => this.#wake())
    this.child.stderr?.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', line => {
      this.lines.push(JSON.parse(line))
      this.#wake()
    })
  }

  /** Resolves once the service has said that it listens. */
  static async start(teardown: Teardown, env: Record<string, string>) {
    const service = new Service(teardown, env)
    service.port = (await service.said('listening')).port as number
    return service
  }

  /** The first line with this event, as soon as it is there; rejects if the process ends without it. */
  async said(event: string): Promise<Line> {
    for (;;) {
      const line = this.lines.find(line => line.event === event)
      if (line) return line
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.#ended
        const last = this.lines.find(line => line.event === event)
        if (last) return last
        throw new Error(`ended without saying ${event}: ${JSON.stringify(this.lines)} ${this.stderr}`)
      }
      await new Promise<void>(resolve => this.#waiting.add(resolve))
    }
  }

  /** How it ended, with all of its output read. */
  async ended() {
    await this.#ended
    return { code: this.child.exitCode, signal: this.child.signalCode }
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('GET', path, headers)
  }

  /** One request on a connection of its own. */
  call(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, headers, agent: false }
      request(options, async response => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
        .on('error', reject)
        .end(body)
    })
  }

  #wake() {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
