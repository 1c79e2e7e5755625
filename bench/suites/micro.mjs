// Microseconds and bytes of one sample, one pulse and one line, as multiples of process.memoryUsage() in the same run.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { evaluate } from '../lib/process.mjs'
import { pairedRatio, spread } from '../lib/stats.mjs'
import { fixed, ratioText, spreadText, table } from '../lib/table.mjs'
import { BENCH } from '../lib/variants.mjs'

const run_ = promisify(execFile)
const BASE = 'process.memoryUsage()'

export async function run({ node, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  say(`${nodeVersion} micro`)
  const { figures, hasGroup } = await measure(node)
  const rows = Object.entries(figures).map(([name, { us, bytes }]) => ({
    name,
    us: spread(us),
    usRatio: pairedRatio(us, figures[BASE].us),
    bytes: spread(bytes),
    bytesRatio: spread(bytes).median / spread(figures[BASE].bytes).median,
  }))
  const markdown = table(
    `One look, Node ${nodeVersion}`,
    ['what', 'µs', `to ${BASE}`, 'bytes allocated', `to ${BASE}`],
    rows.map(row => [
      row.name,
      spreadText(row.us, 2),
      ratioText(row.usRatio),
      fixed(row.bytes.median, 0),
      fixed(row.bytesRatio, 1),
    ]),
    [
      `Medians and quartiles of 40 rounds of 250 calls in turn, after ten rounds of warm-up and a collection before each; ${hasGroup ? 'with' : 'without'} a memory group whose files are read.`,
    ],
  )
  return { nodeVersion, rows, markdown }
}

async function measure(node) {
  const folder = mkdtempSync(resolve(tmpdir(), 'heapguard-bench-'))
  try {
    const outfile = resolve(folder, 'micro.cjs')
    await build({
      entryPoints: [resolve(BENCH, 'micro.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'es2019',
      minify: true,
      logLevel: 'error',
      define: { HEAPGUARD_VERSION: '"bench"' },
    })
    const { stdout } = await run_(node, [
      '--expose-gc',
      '--max-semi-space-size=64',
      '--min-semi-space-size=64',
      outfile,
    ])
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
