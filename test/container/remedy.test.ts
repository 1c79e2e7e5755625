// Every remedy is put in force in a real container, on a real Node, and judged again by what V8 then says.
import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

const SIZES_MB = [160, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192]
const MAJORS = [20, 22, 24, 26]

/** Every version at one size and a few sizes on one version; all of all where there is time. */
const isAsked = (sizeMB: number, major: number) =>
  process.env.HEAPGUARD_TEST_FULL !== undefined ||
  sizeMB === 256 ||
  (major === 24 && [160, 512, 1024, 8192].includes(sizeMB))

/**
 * Runs in the container: from each beginning it reads flags, judges, takes the remedy, starts Node again with it and
 * judges again. argv: the container's MB.
 */
const TRIAL = `
  import { execFileSync } from 'node:child_process'
  import { totalmem } from 'node:os'
  import { verdictOf } from './preload/core/assess.ts'
  import { budgetOf } from './preload/core/budget.ts'
  import { readOldSpaceLimit } from './preload/core/flags.ts'
  import { remedyFor } from './preload/core/remedy.ts'

  const operatorMB = Number(process.argv[2])
  const major = Number.parseInt(process.version.slice(1))
  const constrained = process.constrainedMemory()
  const seen = constrained > 0 && constrained < totalmem() ? constrained : totalmem()
  const PRINT = 'require("fs").writeSync(1, String(require("v8").getHeapStatistics().heap_size_limit))'

  function judge(nodeOptions, warnPercent, isolates) {
    const env = { ...process.env, NODE_OPTIONS: nodeOptions }
    const heapLimitBytes = Number(execFileSync(process.execPath, ['-e', PRINT], { env, stdio: ['ignore', 'pipe', 'pipe'] }))
    const flags = { execArgv: [], nodeOptions, nodeVersion: process.version, memoryNodeSeesBytes: seen }
    const budget = budgetOf({
      heapLimitBytes,
      oldSpaceLimit: readOldSpaceLimit(flags),
      kernelLimit: { kind: 'unknown', reason: 'not asked' },
      operatorMB,
      nodeSeesBytes: seen,
    })
    const verdict = verdictOf(budget, warnPercent, isolates)
    const remedy = remedyFor(budget, verdict, { nodeVersion: process.version, warnPercent, isolates })
    return { heapLimitMB: heapLimitBytes / 1048576, verdict: verdict.kind, remedy }
  }

  // [NODE_OPTIONS at first, what of it stays beside the remedy]
  const beginnings = [
    ['', ''],
    ['--max-old-space-size=' + Math.floor(operatorMB * 0.95), ''],
    ['--max-semi-space-size=64 --max-old-space-size=' + operatorMB, '--max-semi-space-size=64'],
    ['--max-semi-space-size=64', '--max-semi-space-size=64'],
    ...(major >= 22 ? [['--max-old-space-size-percentage=95', '']] : []),
    ...(major >= 24 ? [['--max-heap-size=' + operatorMB, '']] : []),
  ]
  const trials = []
  for (const [warnPercent, isolates] of [[85, 1], [20, 1], [85, 2]])
    for (const [from, kept] of beginnings) {
      const { heapLimitMB, verdict, remedy } = judge(from, warnPercent, isolates)
      const then = remedy.kind === 'flags' ? judge((kept + ' ' + remedy.flags).trim(), warnPercent, isolates) : undefined
      trials.push({ from, warnPercent, isolates, heapLimitMB, verdict, remedy, then })
    }
  console.log(JSON.stringify({ version: process.version, seenMB: seen / 1048576, trials }))
`

interface Trial {
  readonly from: string
  readonly warnPercent: number
  readonly isolates: number
  readonly heapLimitMB: number
  readonly verdict: string
  readonly remedy: { readonly kind: string; readonly flags?: string; readonly leastMB?: number }
  readonly then?: { readonly heapLimitMB: number; readonly verdict: string }
}

const run = (args: readonly string[]): Promise<string> =>
  new Promise((done, fail) => {
    execFile('docker', args, (error, stdout, stderr) => (error === null ? done(stdout) : fail(stderr || error)))
  })

const images = await run(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}']).catch(() => '')

t.test('every remedy fits when it is tried', { jobs: 2 }, async t => {
  const folder = t.testdir({})
  const trial = join(folder, 'trial.cjs')
  await build({
    stdin: { contents: TRIAL, resolveDir: join(import.meta.dirname, '../..'), loader: 'js' },
    bundle: true,
    platform: 'node',
    target: 'es2019',
    format: 'cjs',
    outfile: trial,
  })
  chmodSync(trial, 0o644)

  for (const major of MAJORS) {
    const image = `node:${major}-bookworm-slim`
    for (const [sizeMB, isSeen] of [...SIZES_MB.map(size => [size, true] as const), [512, false] as const]) {
      if (!isAsked(sizeMB, major)) continue
      const name = `Node ${major}, ${sizeMB} MB${isSeen ? '' : ' that only the operator knows of'}`
      t.test(name, async t => {
        if (!images.includes(image)) return t.plan(0, `docker has no ${image} here`)
        const limit = isSeen ? ['-m', `${sizeMB}m`] : []
        const mount = ['-v', `${trial}:/trial.cjs:ro`]
        const answer = JSON.parse(
          await run(['run', '--rm', ...limit, ...mount, image, 'node', '/trial.cjs', `${sizeMB}`]),
        )
        for (const { from, warnPercent, isolates, verdict, heapLimitMB, remedy, then } of answer.trials as Trial[]) {
          const told =
            remedy.flags ?? (remedy.leastMB === undefined ? remedy.kind : `${remedy.leastMB} MB of container`)
          const what = `${warnPercent} %, ${isolates} isolates, "${from}": ${heapLimitMB} ${verdict} -> ${told}`
          if (remedy.kind === 'larger-container') t.ok(Number(remedy.leastMB) > sizeMB, what)
          else if (remedy.kind === 'none') t.match(verdict, /^(fits|low)$/, what)
          else t.equal(then?.verdict, 'fits', `${what} -> ${then?.heapLimitMB}`)
          if (warnPercent === 85 && isolates === 1) {
            t.not(remedy.kind, 'larger-container', 'from 160 MB up flags are enough')
            t.comment(what, then?.heapLimitMB ?? '')
          }
        }
      })
    }
  }
})
