// The same beside those that watch memory in other ways, each as its README says. They do more than the guard does, and
// other things: this says what a team pays, not which is better.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { promisify } from 'node:util'
import { batch } from '../lib/cpu.mjs'
import { install, VERSIONS } from '../lib/installed.mjs'
import { evaluate, heapLimitMB, start } from '../lib/process.mjs'
import { inTurn } from '../lib/rounds.mjs'
import { pairedRatio, spread } from '../lib/stats.mjs'
import { fixed, ratioText, spreadText, table } from '../lib/table.mjs'
import { BENCH, EMPTY, EMPTY_AGAIN, FLOOR, fitting, guard } from '../lib/variants.mjs'

const run_ = promisify(execFile)
const MB = 1_048_576

const PEERS = [
  { file: 'prom-client.cjs', packages: ['prom-client'], does: 'default metrics, a server' },
  {
    file: 'opentelemetry.cjs',
    packages: [
      '@opentelemetry/instrumentation-runtime-node',
      '@opentelemetry/instrumentation',
      '@opentelemetry/sdk-metrics',
      '@opentelemetry/api',
    ],
    does: 'metrics SDK, no exporter',
  },
  {
    file: 'dd-trace.cjs',
    packages: ['dd-trace'],
    does: 'runtime metrics, no agent there',
    env: { DD_RUNTIME_METRICS_ENABLED: 'true', DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false' },
  },
]

export async function run({ node, runs, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const notes = []
  const variants = [EMPTY, EMPTY_AGAIN, FLOOR, guard('heapguard, a heap that fits', fitting(await heapLimitMB(node)))]
  for (const { file, packages, does, env } of PEERS) {
    const [name] = packages
    try {
      say(`installing ${name}`)
      const folder = await install(name, packages)
      const preload = resolve(BENCH, 'peers', file)
      variants.push({ name: `${name} ${VERSIONS[name]} (${does})`, preload, env: { ...env, BENCH_MODULES: folder } })
    } catch (error) {
      notes.push(`${name} could not be installed: ${firstLine(error)}`)
    }
  }
  const rows = await measure({ node, variants, runs, notes, say, nodeVersion })
  const pm2 = await pm2Row(node, say).catch(error => void notes.push(`pm2 could not be compared: ${firstLine(error)}`))
  const markdown = table(
    `Beside others, Node ${nodeVersion}`,
    ['preload', 'start-up CPU ms', 'to empty', 'RSS MB after 2 s', 'over empty'],
    [
      ...rows.map(row => [
        row.name,
        spreadText(row.cpuMs),
        ratioText(row.toEmpty),
        fixed(row.rssMB.median, 1),
        fixed(row.rssOverEmptyMB, 1),
      ]),
      ...(pm2 === undefined
        ? []
        : [[pm2.name, '', '', fixed(pm2.appRssMB, 1), `${fixed(pm2.daemonRssMB, 1)} (its daemon)`]]),
    ],
    [`\`node -e 'process.exit()'\`, ${runs} rounds of five processes; RSS of an app that does nothing.`, ...notes],
  )
  return { nodeVersion, rows, pm2, notes, markdown }
}

async function measure({ node, variants, runs, notes, say, nodeVersion }) {
  const working = []
  for (const variant of variants)
    try {
      await batch(node, ['-e', 'process.exit()'], variant)
      working.push(variant)
    } catch (error) {
      notes.push(`${variant.name} does not run on ${nodeVersion}: ${firstLine(error)}`)
    }
  say(`${nodeVersion} peers`)
  const cpu = (await inTurn(working, runs, variant => batch(node, ['-e', 'process.exit()'], variant), { say })).map(
    rounds => rounds.map(({ cpuMs }) => cpuMs),
  )
  const rss = await inTurn(working, Math.min(runs, 5), variant => rssAfterAWhile(node, variant), { warmUp: 0 })
  const base = working.indexOf(EMPTY)
  const rows = working.map(({ name }, index) => ({
    name,
    cpuMs: spread(cpu[index]),
    toEmpty: pairedRatio(cpu[index], cpu[base]),
    rssMB: spread(rss[index]),
  }))
  for (const row of rows) row.rssOverEmptyMB = row.rssMB.median - rows[base].rssMB.median
  return rows
}

async function rssAfterAWhile(node, variant) {
  const appEnv = { BENCH_MS: '2000', BENCH_REPORT_MS: '0' }
  const app = start(node, [resolve(BENCH, 'apps/watched.cjs')], { ...variant, appEnv })
  const { rss } = await app.says('last')
  await app.ended
  return rss / MB
}

/** pm2's max-memory-restart is a daemon that looks at the app's RSS from outside: what is to be compared is its RSS. */
async function pm2Row(node, say) {
  const folder = await install('pm2')
  const home = mkdtempSync(resolve(tmpdir(), 'heapguard-bench-pm2-'))
  const cli = resolve(folder, 'node_modules/pm2/bin/pm2')
  const env = { PATH: process.env.PATH, HOME: home, PM2_HOME: home, BENCH_MS: '60000', BENCH_REPORT_MS: '0' }
  const pm2 = (...args) => run_(node, [cli, ...args], { env })
  say('pm2')
  try {
    await pm2('start', resolve(BENCH, 'apps/watched.cjs'), '--max-memory-restart', '300M', '--silent')
    await after(2000)
    const [app] = JSON.parse((await pm2('jlist', '--silent')).stdout.replace(/^[^[]*/, ''))
    const daemon = Number(readFileSync(resolve(home, 'pm2.pid'), 'utf8'))
    const rssMB = pid => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
    return {
      name: `pm2 ${VERSIONS.pm2} --max-memory-restart`,
      appRssMB: rssMB(app.pid),
      daemonRssMB: rssMB(daemon),
    }
  } finally {
    await pm2('kill', '--silent').catch(() => {})
    rmSync(home, { recursive: true, force: true })
  }
}

const firstLine = error => String(error?.message ?? error).split('\n')[0]
