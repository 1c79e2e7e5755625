// What the guard costs an app that does nothing: CPU of an idle process.
import { resolve } from 'node:path'
import { evaluate, start } from '../lib/process.mjs'
import { spread } from '../lib/stats.mjs'
import { fixed, spreadText, table } from '../lib/table.mjs'
import { BARE, BENCH, EMPTY, EMPTY_AGAIN, FAR, guard, isKnown, withFlag } from '../lib/variants.mjs'

export async function run({ node, runs, seconds, quick, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const rounds = { runs: quick ? 2 : Math.min(runs, 5), seconds: seconds ?? (quick ? 5 : 60) }
  const idle = await idleProcess({ node, nodeVersion, ...rounds, say })
  return { nodeVersion, idle, markdown: idle.markdown }
}

const timer = (name, ms) => ({
  name,
  preload: resolve(BENCH, 'preloads/timer.js'),
  env: { BENCH_TIMER_MS: String(ms) },
})

async function idleProcess({ node, nodeVersion, runs, seconds, say }) {
  const variants = [
    BARE,
    EMPTY,
    EMPTY_AGAIN,
    timer("an empty unref'd timer each second", 1000),
    guard('heapguard, defaults', FAR),
    timer("an empty unref'd timer each 50 ms", 50),
    ...(isKnown('HEAPGUARD_PULSE_MS')
      ? [guard('heapguard, the fastest pulse (50 ms)', { ...FAR, HEAPGUARD_PULSE_MS: '50' })]
      : []),
    ...(isKnown('HEAPGUARD_WATCHDOG') ? [guard('heapguard, watchdog', { ...FAR, HEAPGUARD_WATCHDOG: 'true' })] : []),
  ].map(withFlag)
  say(`${nodeVersion} idle: ${runs} × ${seconds} s, all ${variants.length} at once`)
  const figures = variants.map(() => [])
  for (let round = 0; round < runs; round++)
    await Promise.all(
      variants.map(async (variant, index) => {
        const appEnv = { BENCH_MS: String(seconds * 1000 + 2000), BENCH_REPORT_MS: '0' }
        const app = start(node, [resolve(BENCH, 'apps/idle.cjs')], { ...variant, appEnv })
        const { cpuUs, ms } = await app.says('last')
        await app.ended
        figures[index].push(cpuUs / (ms / 1000))
      }),
    )
  const rows = variants.map(({ name }, index) => ({ name, cpuUsPerS: spread(figures[index]) }))
  const markdown = table(
    `CPU of an idle process, Node ${nodeVersion}`,
    ['preload', 'µs of CPU a second', '% of a core'],
    rows.map(({ name, cpuUsPerS }) => [name, spreadText(cpuUsPerS, 0), fixed(cpuUsPerS.median / 1e4, 3)]),
    [
      `Medians and quartiles of ${runs} rounds of ${seconds} s, from 2 s after the start; all processes at once, each with its own accounting.`,
    ],
  )
  return { seconds, runs, rows, markdown }
}
