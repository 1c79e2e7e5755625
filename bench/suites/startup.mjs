// What a process pays before its own first line: CPU, wall time, instructions.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { batch, RESOLUTION_MS } from '../lib/cpu.mjs'
import { counter } from '../lib/instructions.mjs'
import { evaluate, find, heapLimitMB } from '../lib/process.mjs'
import { inTurn } from '../lib/rounds.mjs'
import { pairedRatio, spread } from '../lib/stats.mjs'
import { fixed, ratioText, spreadText, table } from '../lib/table.mjs'
import { BARE, BENCH, EMPTY, EMPTY_AGAIN, FLOOR, fitting, guard } from '../lib/variants.mjs'

export async function run({ node, runs, say }) {
  const nodeVersion = await evaluate(node, 'process.version')
  const fits = fitting(await heapLimitMB(node))
  const variants = [
    BARE,
    EMPTY,
    EMPTY_AGAIN,
    FLOOR,
    guard('heapguard, off (HEAPGUARD_ENABLED=false)', { HEAPGUARD_ENABLED: 'false' }),
    guard('heapguard, a heap that fits', fits),
    guard('heapguard, plain defaults'),
  ]
  const count = await counter()
  const cases = []
  for (const { what, args, counted } of await commands(node)) {
    say(`${nodeVersion} start-up, ${what}`)
    const figures = await inTurn(variants, runs, variant => batch(node, args, variant), { say })
    const cpu = figures.map(rounds => rounds.map(({ cpuMs }) => cpuMs))
    const rows = []
    for (const [index, variant] of variants.entries())
      rows.push({
        name: variant.name,
        cpuMs: spread(cpu[index]),
        wallMs: spread(figures[index].map(({ wallMs }) => wallMs)),
        toEmpty: pairedRatio(cpu[index], cpu[variants.indexOf(EMPTY)]),
        toFloor: pairedRatio(cpu[index], cpu[variants.indexOf(FLOOR)]),
        instructions: counted ? await count?.(node, args, variant) : undefined,
      })
    cases.push({ what, runs, rows })
  }
  return { nodeVersion, resolutionMs: RESOLUTION_MS, cases, markdown: cases.map(toTable(nodeVersion)).join('\n') }
}

/** The three programs that are started. npm is a package manager's own process, where the guard stays away. */
async function commands(node) {
  const npm = await npmScript(node)
  return [
    { what: '`node -e 0`', args: ['-e', '0'], counted: true },
    { what: 'an Express app until it listens', args: [resolve(BENCH, 'apps/express.mjs')], counted: false },
    ...(npm === undefined ? [] : [{ what: '`npm --version`', args: [npm, '--version'], counted: false }]),
  ]
}

async function npmScript(node) {
  const beside = resolve(dirname(node), '../lib/node_modules/npm/bin/npm-cli.js')
  if (existsSync(beside)) return beside
  const npm = await find('npm')
  return npm === undefined ? undefined : realpathSync(npm)
}

const toTable =
  nodeVersion =>
  ({ what, runs, rows }) => {
    const counted = rows.some(({ instructions }) => instructions !== undefined)
    return table(
      `Start-up: ${what}, Node ${nodeVersion}`,
      ['preload', 'CPU ms', 'to empty', 'to the floor', 'wall ms', ...(counted ? ['M instructions'] : [])],
      rows.map(row => [
        row.name,
        spreadText(row.cpuMs),
        ratioText(row.toEmpty),
        ratioText(row.toFloor),
        spreadText(row.wallMs),
        ...(counted ? [fixed(row.instructions / 1e6, 1)] : []),
      ]),
      [
        `Medians and quartiles of ${runs} rounds of five processes each; CPU is user and system time of the finished processes, to ${RESOLUTION_MS} ms; ratios are medians of the rounds' own ratios, with a 95 % interval.`,
      ],
    )
  }
