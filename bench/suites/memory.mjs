// What the guard weighs, and that it does not grow: RSS and V8 heap in use after start, and while it looks twenty times a
// second.
import { resolve } from 'node:path'
import { evaluate, heapLimitMB, start } from '../lib/process.mjs'
import { inTurn } from '../lib/rounds.mjs'
import { slope, spread } from '../lib/stats.mjs'
import { fixed, spreadText, table } from '../lib/table.mjs'
import { BENCH, EMPTY, EMPTY_AGAIN, FLOOR, fitting, guard, isKnown } from '../lib/variants.mjs'

const MB = 1_048_576

export async function run({ node, runs, seconds = 60, quick, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const fits = fitting(await heapLimitMB(node))
  const watchedMs = (quick ? Math.min(seconds, 8) : seconds) * 1000
  const pulses = isKnown('HEAPGUARD_PULSE_MS')
  const variants = [
    EMPTY,
    EMPTY_AGAIN,
    FLOOR,
    guard('heapguard, a heap that fits', fits),
    guard('heapguard, plain defaults'),
    ...(pulses ? [guard('heapguard, a pulse each 50 ms', { ...fits, HEAPGUARD_PULSE_MS: '50' })] : []),
    guard('heapguard, a line each 50 ms', { ...fits, HEAPGUARD_INTERVAL_MS: '50' }),
  ]
  say(`${nodeVersion} memory: ${runs} starts, then ${watchedMs / 1000} s of each`)
  const starts = await inTurn(variants, runs, variant => look(node, variant, { ms: 300, reportMs: 0 }), { say })
  // All at once: they wait most of the time, and what troubles the machine troubles all.
  const long = await Promise.all(
    variants.map(variant => look(node, variant, { ms: watchedMs, reportMs: Math.max(250, watchedMs / 40) })),
  )
  const rows = variants.map(({ name }, index) => {
    const later = long[index].filter(({ ms }) => ms > watchedMs / 2)
    const growth = key => slope(later.map(point => [point.ms / 60_000, point[key] / 1024]))
    return {
      name,
      rssMB: spread(starts[index].map(([first]) => first.rss / MB)),
      heapUsedMB: spread(starts[index].map(([first]) => first.heapUsed / MB)),
      rssAfterMB: long[index].at(-1).rss / MB,
      heapUsedAfterMB: long[index].at(-1).heapUsed / MB,
      rssKBPerMinute: growth('rss'),
      heapUsedKBPerMinute: growth('heapUsed'),
    }
  })
  const floor = rows[variants.indexOf(FLOOR)]
  for (const row of rows) row.rssOverFloorMB = row.rssMB.median - floor.rssMB.median
  const markdown = table(
    `Memory, Node ${nodeVersion}`,
    [
      'preload',
      'RSS MB',
      'over the floor',
      'heap MB',
      `RSS after ${watchedMs / 1000} s`,
      'heap after',
      'RSS KB/min',
      'heap KB/min',
    ],
    rows.map(row => [
      row.name,
      spreadText(row.rssMB),
      fixed(row.rssOverFloorMB, 2),
      spreadText(row.heapUsedMB, 2),
      fixed(row.rssAfterMB, 1),
      fixed(row.heapUsedAfterMB, 2),
      fixed(row.rssKBPerMinute, 0),
      fixed(row.heapUsedKBPerMinute, 1),
    ]),
    [
      `Medians and quartiles of ${runs} starts, each after a full collection; growth is the slope of the second half of ${watchedMs / 1000} s, a collection before each figure. A pulse each 50 ms is 20 times the default speed.`,
    ],
  )
  return { nodeVersion, watchedMs, rows, markdown }
}

/** The app's own reports, first to last. */
async function look(node, variant, { ms, reportMs }) {
  const appEnv = { BENCH_MS: String(ms), BENCH_REPORT_MS: String(reportMs) }
  const app = start(node, ['--expose-gc', resolve(BENCH, 'apps/watched.cjs')], { ...variant, appEnv })
  const end = await app.ended
  if (end.code !== 0) throw new Error(`${variant.name}: ${JSON.stringify(end)}`)
  return app.lines
}
