// What the guard costs an app that serves: throughput and p99.
import { loadGenerator } from '../lib/load-generator.mjs'
import { evaluate, onCpu } from '../lib/process.mjs'
import { loadAtOnce, startServers } from '../lib/servers.mjs'
import { median, pairedRatio, spread } from '../lib/stats.mjs'
import { ratioText, spreadText, table } from '../lib/table.mjs'
import { BARE, EMPTY, FAR, guard, isKnown, withFlag } from '../lib/variants.mjs'

export async function run({ node, runs, seconds: asked, warmUpSeconds, quick, match, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const seconds = asked ?? (quick ? 2 : 5)
  const served = await underLoad({ node, nodeVersion, runs, seconds, warmUpSeconds, match, say })
  return { nodeVersion, served, markdown: served.markdown }
}

async function underLoad({ node, nodeVersion, runs, seconds, warmUpSeconds, match, say }) {
  const [forServers, forLoad] = [await onCpu(1), await onCpu(0)]
  const generator = await loadGenerator(node, forLoad)
  const all = rowsUnderLoad().map(withFlag)
  const asked = all.filter(({ name }) => match === undefined || match.split(',').some(text => name.includes(text)))
  const bases = new Set(asked.map(baseOf))
  const variants = all.filter(variant => asked.includes(variant) || bases.has(variant.name))
  say(`${nodeVersion} under load by ${generator.name}: ${runs} × ${seconds} s of ${variants.length}`)
  const rounds = []
  for (let round = 0; round < runs; round++) {
    rounds.push(await serveInTurn({ node, variants, generator, seconds, warmUpSeconds, round, forServers }))
    if (round > 0 && round % 10 === 0) say(`  round ${round} of ${runs}`)
  }
  const pick = (index, key, copy) =>
    rounds.map(servers => {
      const figures = copy === undefined ? servers[index] : [servers[index][copy]]
      return figures.reduce((sum, figure) => sum + figure[key], 0) / figures.length
    })
  const row = (name, [index, copy], [base, baseCopy]) => {
    const [perS, p99] = ['requestsPerS', 'p99Us'].map(key => pick(index, key, copy))
    return {
      name,
      requestsPerS: spread(perS),
      throughputRatio: pairedRatio(perS, pick(base, 'requestsPerS', baseCopy)),
      p99Us: spread(p99),
      p99Ratio: pairedRatio(p99, pick(base, 'p99Us', baseCopy)),
    }
  }
  const indexOf = name => variants.findIndex(variant => variant.name === name)
  const rows = variants.map((variant, index) => row(variant.name, [index], [indexOf(baseOf(variant))]))
  const empty = indexOf(EMPTY.name)
  if (empty >= 0) rows.splice(empty + 1, 0, row('one empty preload to the other (the noise)', [empty, 1], [empty, 0]))
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
      `${generator.name}, 32 connections, ${runs} rounds: two servers of each kind side by side, loaded in turn, ${seconds} times for a second after a warm-up of ${warmUpSeconds} s for each, all at once${forServers.length > 0 ? ', the servers on one CPU and the load on another' : ''}. The rows under heap pressure are compared with an empty preload under the same.`,
    ],
  )
  return { seconds, warmUpSeconds, runs, generator: generator.name, rows, markdown }
}

/** All that can be compared, before --match chooses. */
export function rowsUnderLoad() {
  return [
    BARE,
    EMPTY,
    guard('heapguard, defaults', FAR),
    ...(isKnown('HEAPGUARD_PULSE_MS')
      ? [guard('heapguard, the fastest pulse (50 ms)', { ...FAR, HEAPGUARD_PULSE_MS: '50' })]
      : []),
    ...(isKnown('HEAPGUARD_WATCHDOG') ? [guard('heapguard, watchdog', { ...FAR, HEAPGUARD_WATCHDOG: 'true' })] : []),
    ...(isKnown('HEAPGUARD_PROFILE') ? underHeapPressure() : []),
  ]
}

/** The name of what a row is compared with. */
const baseOf = ({ base }) => base ?? EMPTY.name

/** The profiler runs from half of the ceiling on: a heap that is held at about 60 % of it. */
function underHeapPressure() {
  const same = { nodeOptions: '--max-old-space-size=128 --max-semi-space-size=8', appEnv: { BENCH_HOLD_MB: '72' } }
  const base = 'empty preload, heap at 60 %'
  const settings = { ...FAR, HEAPGUARD_PULSE_MS: '50' }
  return [
    { ...EMPTY, ...same, name: base, base },
    { ...guard('heapguard, heap at 60 %, profiler on', settings, same), base },
    { ...guard('heapguard, heap at 60 %, profiler off', { ...settings, HEAPGUARD_PROFILE: 'false' }, same), base },
  ]
}

/** Servers of a kind: they differ among themselves by some 3 %, by where V8 happens to put things. */
const COPIES = 2

/**
 * Servers of all kinds live side by side, and each is loaded for a second in turn: what the machine does for longer
 * than that meets them all. One round has `seconds` such turns. Before them all are loaded at once, since what a service
 * costs in its first seconds is mostly V8 getting to know it. Whose turn comes first moves on with each round, from the
 * start on: a server that has idled for longer has compiled and collected more. Figures of each copy, in the order of the
 * variants.
 */
async function serveInTurn({ node, variants, generator, seconds, warmUpSeconds, round, forServers }) {
  const servers = Array.from({ length: COPIES }, () => variants).flat()
  const inTurn = turn => servers.map((_, at) => (at + turn) % servers.length)
  const { urls, stop } = await startServers(node, servers, inTurn(round), forServers)
  try {
    await loadAtOnce(generator, urls, warmUpSeconds)
    const loads = servers.map(() => [])
    for (let turn = round; turn < round + seconds; turn++)
      for (const index of inTurn(turn)) loads[index].push(await generator.load(urls[index], 1))
    const figures = loads.map(turns => ({
      requestsPerS: turns.reduce((sum, { requestsPerS }) => sum + requestsPerS, 0) / seconds,
      p99Us: median(turns.map(({ p99Us }) => p99Us)),
    }))
    return variants.map((_, index) => figures.filter((_, at) => at % variants.length === index))
  } finally {
    await stop()
  }
}
