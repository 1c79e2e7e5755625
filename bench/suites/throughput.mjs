// How many requests an app serves under the guard, to an empty preload. All servers are loaded at the same time on the one
// CPU that they share: what the machine does in that moment meets them all, where two seconds one after the other differ
// by more than the guard costs. p99 would be that of waiting for one another: it is in load.mjs.
import { loadGenerator } from '../lib/load-generator.mjs'
import { evaluate, onCpu } from '../lib/process.mjs'
import { cpuSeconds, loadAtOnce, startServers } from '../lib/servers.mjs'
import { pairedRatio, spread } from '../lib/stats.mjs'
import { ratioText, spreadText, table } from '../lib/table.mjs'
import { EMPTY, EMPTY_AGAIN, FAR, guard, withFlag, youngGeneration } from '../lib/variants.mjs'

/** Of each kind in a round: two of the same kind differ by 1 to 2 %, by where V8 happens to put things. */
const COPIES = 2

/**
 * They share the core, so each takes this many seconds for what it would serve in one. Looks by the wall clock would be
 * counted as many times: the guard's own clock, of 1000 and 60,000 ms, goes slower by as much.
 */
const SHARES = 3 * COPIES
const SLOWED = { HEAPGUARD_PULSE_MS: String(1000 * SHARES), HEAPGUARD_INTERVAL_MS: String(60_000 * SHARES) }

export async function run({ node, runs, seconds: asked, warmUpSeconds, youngGenerationMB, quick, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const seconds = asked ?? (quick ? 1 : 2)
  const [forServers, forLoad] = [await onCpu(1), await onCpu(0)]
  const generator = await loadGenerator(node, forLoad)
  const flags = youngGenerationMB === undefined ? [] : youngGeneration(youngGenerationMB)
  const variants = [EMPTY, EMPTY_AGAIN, guard('heapguard, defaults at the pace of its share', { ...FAR, ...SLOWED })]
    .map(withFlag)
    .map(variant => ({ ...variant, flags }))
  say(`${nodeVersion} throughput by ${generator.name}: ${runs} × ${seconds} s of ${SHARES}, all at once`)
  const rounds = []
  for (let round = 0; round < runs; round++) {
    rounds.push(await serveAtOnce({ node, variants, generator, seconds, warmUpSeconds, round, forServers }))
    if (round > 0 && round % 10 === 0) say(`  round ${round} of ${runs}`)
  }
  const pick = (index, key) => rounds.map(figures => figures[index][key])
  const rows = variants.map(({ name }, index) => {
    const [perS, perCpuS] = ['requestsPerS', 'requestsPerCpuS'].map(key => pick(index, key))
    return {
      name,
      throughputRatio: pairedRatio(perS, pick(0, 'requestsPerS')),
      requestsPerCpuS: spread(perCpuS),
      perCpuRatio: pairedRatio(perCpuS, pick(0, 'requestsPerCpuS')),
    }
  })
  const markdown = table(
    `Throughput, all at once, Node ${nodeVersion}`,
    ['preload', 'requests/s to empty', 'requests a second of CPU', 'to empty'],
    rows.map(({ name, throughputRatio, requestsPerCpuS, perCpuRatio }) => [
      name,
      ratioText(throughputRatio),
      spreadText(requestsPerCpuS, 0),
      ratioText(perCpuRatio),
    ]),
    [
      `${generator.name}, 32 connections for each server, ${runs} rounds: ${COPIES} servers of each kind, new in each round, loaded all at once for ${seconds} s each after ${warmUpSeconds} s each${forServers.length > 0 ? ', the servers on one CPU and the load on another' : ''}. The guard looks once for each second of CPU that a server has: every ${SHARES} s.${flags.map(flag => ` ${flag}`).join('')}`,
    ],
  )
  return {
    nodeVersion,
    seconds,
    warmUpSeconds,
    youngGenerationMB,
    runs,
    generator: generator.name,
    rows,
    rounds,
    markdown,
  }
}

/** The mean of each variant's servers; which of them starts first moves on with each round. */
async function serveAtOnce({ node, variants, generator, seconds, warmUpSeconds, round, forServers }) {
  const servers = Array.from({ length: COPIES }, () => variants).flat()
  const order = servers.map((_, at) => (at + round) % servers.length)
  const { urls, pids, stop } = await startServers(node, servers, order, forServers)
  try {
    await loadAtOnce(generator, urls, warmUpSeconds)
    const beforeS = pids.map(cpuSeconds)
    const loads = await loadAtOnce(generator, urls, seconds)
    const figures = loads.map(({ requests, requestsPerS }, index) => ({
      requestsPerS,
      requestsPerCpuS: requests / (cpuSeconds(pids[index]) - beforeS[index]),
    }))
    const mean = (index, key) =>
      figures.reduce((sum, figure, at) => sum + (at % variants.length === index ? figure[key] : 0), 0) / COPIES
    return variants.map((_, index) => ({
      requestsPerS: mean(index, 'requestsPerS'),
      requestsPerCpuS: mean(index, 'requestsPerCpuS'),
    }))
  } finally {
    await stop()
  }
}
