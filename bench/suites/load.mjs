// What the guard costs an app that serves: throughput and p99.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { toolPath } from '../lib/installed.mjs'
import { evaluate, find, heapLimitMB, onCpu, start } from '../lib/process.mjs'
import { median, pairedRatio, spread } from '../lib/stats.mjs'
import { ratioText, spreadText, table } from '../lib/table.mjs'
import { BARE, BENCH, EMPTY, EMPTY_AGAIN, fitting, guard, isKnown } from '../lib/variants.mjs'

const run_ = promisify(execFile)

export async function run({ node, runs, seconds, quick, match, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const fits = fitting(await heapLimitMB(node))
  const served = await underLoad({ node, fits, nodeVersion, runs, seconds: seconds ?? (quick ? 2 : 5), match, say })
  return { nodeVersion, served, markdown: served.markdown }
}

async function underLoad({ node, fits, nodeVersion, runs, seconds, match, say }) {
  const [forServers, forLoad] = [await onCpu(1), await onCpu(0)]
  const generator = await loadGenerator(node, forLoad)
  const all = [
    BARE,
    EMPTY,
    EMPTY_AGAIN,
    guard('heapguard, defaults', fits),
    ...(isKnown('HEAPGUARD_PULSE_MS')
      ? [guard('heapguard, the fastest pulse (50 ms)', { ...fits, HEAPGUARD_PULSE_MS: '50' })]
      : []),
    ...(isKnown('HEAPGUARD_WATCHDOG') ? [guard('heapguard, watchdog', { ...fits, HEAPGUARD_WATCHDOG: 'true' })] : []),
    ...(isKnown('HEAPGUARD_PROFILE') ? underHeapPressure() : []),
  ]
  const asked = all.filter(({ name }) => match === undefined || match.split(',').some(text => name.includes(text)))
  const bases = new Set(asked.map(baseOf))
  const variants = all.filter(variant => asked.includes(variant) || bases.has(variant.name))
  say(`${nodeVersion} under load by ${generator.name}: ${runs} × ${seconds} s of ${variants.length}`)
  const rounds = []
  for (let round = 0; round < runs; round++) {
    rounds.push(await serveInTurn({ node, variants, generator, seconds, round, forServers }))
    if (round > 0 && round % 10 === 0) say(`  round ${round} of ${runs}`)
  }
  const pick = key => variants.map((_, index) => rounds.map(figures => figures[index][key]))
  const [perS, p99] = [pick('requestsPerS'), pick('p99Us')]
  const rows = variants.map((variant, index) => {
    const base = variants.findIndex(({ name }) => name === baseOf(variant))
    return {
      name: variant.name,
      requestsPerS: spread(perS[index]),
      throughputRatio: pairedRatio(perS[index], perS[base]),
      p99Us: spread(p99[index]),
      p99Ratio: pairedRatio(p99[index], p99[base]),
    }
  })
  const markdown = table(
    `Under load, Node ${nodeVersion}`,
    ['preload', 'requests/s', 'to empty', 'p99 µs', 'to empty'],
    rows.map(row => [
      row.name,
      spreadText(row.requestsPerS, 0),
      ratioText(row.throughputRatio),
      spreadText(row.p99Us, 0),
      ratioText(row.p99Ratio),
    ]),
    [
      `${generator.name}, 32 connections, ${runs} rounds: a server of each kind side by side, loaded in turn, ${seconds} times for a second after one of warm-up${forServers.length > 0 ? ', the servers on one CPU and the load on another' : ''}. The rows under heap pressure are compared with an empty preload under the same.`,
    ],
  )
  return { seconds, runs, generator: generator.name, rows, markdown }
}

/** The name of what a row is compared with. */
const baseOf = ({ base }) => base ?? EMPTY.name

/** The profiler runs from half of the ceiling on: a heap that is held at about 60 % of it. */
function underHeapPressure() {
  const same = { nodeOptions: '--max-old-space-size=128 --max-semi-space-size=8', appEnv: { BENCH_HOLD_MB: '72' } }
  const base = 'empty preload, heap at 60 %'
  const settings = { CONTAINER_MEMORY_MB: '512', HEAPGUARD_PULSE_MS: '50' }
  return [
    { ...EMPTY, ...same, name: base, base },
    { ...guard('heapguard, heap at 60 %, profiler on', settings, same), base },
    { ...guard('heapguard, heap at 60 %, profiler off', { ...settings, HEAPGUARD_PROFILE: 'false' }, same), base },
  ]
}

/**
 * A server of each kind lives beside the others, and each is loaded for a second in turn: what the machine does for longer
 * than that meets them all. One round has `seconds` such turns. Whose turn comes first moves on with each round, from the
 * start and the warm-up on: a server that has idled for longer has compiled and collected more. Figures in the order of
 * the variants.
 */
async function serveInTurn({ node, variants, generator, seconds, round, forServers }) {
  const inTurn = turn => variants.map((_, at) => (at + turn) % variants.length)
  const apps = []
  const ends = []
  try {
    for (const index of inTurn(round)) {
      apps[index] = start(node, [resolve(BENCH, 'apps/http.cjs')], variants[index], forServers)
      ends.push(apps[index].ended)
    }
    const urls = []
    for (const app of apps) urls.push(`http://127.0.0.1:${(await app.says('port')).port}/`)
    for (const index of inTurn(round)) await generator.load(urls[index], 1)
    const figures = variants.map(() => [])
    for (let turn = round; turn < round + seconds; turn++)
      for (const index of inTurn(turn)) figures[index].push(await generator.load(urls[index], 1))
    return figures.map(turns => ({
      requestsPerS: turns.reduce((sum, { requestsPerS }) => sum + requestsPerS, 0) / seconds,
      p99Us: median(turns.map(({ p99Us }) => p99Us)),
    }))
  } finally {
    for (const app of apps) app?.child.kill('SIGKILL')
    await Promise.all(ends)
  }
}

const WRK_REPORT = `done = function(summary, latency, requests)
  io.write(string.format('{"requestsPerS":%f,"p99Us":%f,"errors":%d}\\n', summary.requests / summary.duration * 1e6,
    latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout))
end
`

/** wrk where it is installed (Debian: apt-get install wrk), else autocannon from the benchmark's own folder. */
async function loadGenerator(node, prefix) {
  const wrk = await find('wrk')
  if (wrk !== undefined) {
    const script = resolve(tmpdir(), `heapguard-bench-${process.pid}.lua`)
    writeFileSync(script, WRK_REPORT)
    const load = async (url, seconds) => {
      const [command, ...args] = [...prefix, wrk, '-t1', '-c32', `-d${seconds}s`, '--latency', '-s', script, url]
      const { stdout } = await run_(command, args)
      return checked(JSON.parse(stdout.slice(stdout.lastIndexOf('{'))))
    }
    return { name: 'wrk', load }
  }
  const cli = await toolPath('autocannon', 'autocannon/autocannon.js')
  const load = async (url, seconds) => {
    const [command, ...args] = [...prefix, node, cli, '--json', '-c', '32', '-d', String(seconds), url]
    const { stdout } = await run_(command, args)
    const { requests, latency, errors, non2xx } = JSON.parse(stdout)
    return checked({ requestsPerS: requests.average, p99Us: latency.p99 * 1000, errors: errors + non2xx })
  }
  return { name: 'autocannon', load }
}

function checked(figure) {
  if (figure.errors > 0) throw new Error(`${figure.errors} requests failed`)
  return figure
}
