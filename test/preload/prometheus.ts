// A real Prometheus that scrapes one target, and is asked what it has. Debian's package: prometheus.
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { emptyFolder } from './node.ts'
import { freePort } from './scrape.ts'

/** Why a test that needs this command is skipped; false: it is there. */
export const missing = (command: string): string | false =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0 ? false : `no ${command} here`

interface Series {
  readonly metric: Record<string, string>
  readonly value: readonly [time: number, value: string]
}
interface Answer {
  readonly result: readonly Series[]
  readonly activeTargets: readonly object[]
  readonly [metric: string]: readonly object[]
}

/** Starts one that scrapes 127.0.0.1:`port` each second, as job `apps`; it ends with the test. */
export async function startPrometheus(t: Test, port: number) {
  const folder = emptyFolder()
  const webPort = await freePort()
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: apps
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
`,
  )
  const args = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${webPort}`,
  ]
  const prometheus = spawn('prometheus', args, { stdio: 'ignore' })
  t.teardown(() => prometheus.kill('SIGKILL'))
  /** What its API answers; rejects with its words where it takes the question for none. */
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${webPort}/api/v1/${path}`)
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: Answer }
    if (status !== 'success') throw new Error(error)
    return data
  }
  const query = async (expression: string) => (await ask(`query?query=${encodeURIComponent(expression)}`)).result
  /** The first series, as soon as there is one: it begins within a second and scrapes within another. */
  const first = async (expression: string): Promise<Series> => {
    const giveUpAt = Date.now() + 25_000
    for (;;) {
      const [found] = await query(expression).catch(() => [])
      if (found !== undefined) return found
      if (Date.now() > giveUpAt) throw new Error(`Prometheus has nothing for ${expression}`)
      await new Promise(done => setTimeout(done, 100))
    }
  }
  return { ask, query, first }
}
