// What somebody else has put into HEAPGUARD_DIR, under the names that this run's evidence has, in real Node on the built
// bundle: nothing is written through a link, nobody waits for the other end of a FIFO, and the app lives.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canExcludeEnv, emptyFolder, GUARD, recordsIn, runNode } from './node.ts'

t.jobs = 2

const canExclude = canExcludeEnv()
const FLAGS = canExclude ? '--report-exclude-env --report-exclude-network' : ''
/** Whatever its end says of the file. */
const ENDINGS = ['run', 'heapprofile', 'heapsnapshot', ...(canExclude ? ['report.json'] : [])]
const WHATS = ['flight record', 'heap profile file', 'heap snapshot', ...(canExclude ? ['report'] : [])]

/**
 * Waits for its own record, whose name tells the others, and puts something in the place of each; then climbs over both rungs,
 * and collects between the two: V8's own marking may not be over by then on a busy machine.
 */
const script = (plant: string): string => `
  const fs = require('node:fs')
  const { DIR, TARGETS } = process.env
  const kept = []
  const timer = setInterval(() => {
    const name = fs.readdirSync(DIR).find(name => name.endsWith('.run'))
    if (name === undefined) return
    clearInterval(timer)
    for (const ending of ${JSON.stringify(ENDINGS)}) {
      const path = DIR + '/' + name.replace(/run$/, ending)
      const target = TARGETS + '/' + ending
      fs.rmSync(path, { force: true })
      ${plant}
    }
    let isHalf = false
    const climb = setInterval(() => {
      for (let n = 0; n < 2000; n++) kept.push({ n, list: [n] })
      const share = process.memoryUsage().heapUsed / (32 * 1048576)
      if (!isHalf && share > 0.5) {
        isHalf = true
        gc()
      }
      if (share < 0.85) return
      clearInterval(climb)
      setTimeout(() => {
        console.log('lives on')
        process.exit(3)
      }, 300)
    }, 20)
  }, 20)`

for (const [name, plant, reason] of [
  ['a link', 'fs.symlinkSync(target, path)', /^(ELOOP|EEXIST)$/],
  ['a link to nowhere', "fs.rmSync(target); fs.symlinkSync(target + '.none', path)", /^(ELOOP|EEXIST)$/],
  ['a FIFO', "require('node:child_process').execFileSync('mkfifo', [path])", /^(ENXIO|EEXIST)$/],
] as const)
  t.test(`${name} in the place of each file: one line each, and what it leads to stays as it is`, async t => {
    const dir = emptyFolder()
    const targets = emptyFolder()
    for (const ending of ENDINGS) writeFileSync(join(targets, ending), 'of somebody else')
    const { code, stdout, stderr } = await runNode({
      args: ['--expose-gc', '-e', script(plant)],
      preload: GUARD,
      nodeOptions: `--max-old-space-size=32 --max-semi-space-size=1 ${FLAGS}`.trim(),
      env: {
        DIR: dir,
        TARGETS: targets,
        HEAPGUARD_DIR: dir,
        HEAPGUARD_HEAP_SNAPSHOT: 'true',
        HEAPGUARD_PULSE_MS: '50',
        HEAPGUARD_WARN_PERCENT: '40',
        HEAPGUARD_CRITICAL_PERCENT: '65',
      },
    })
    t.match({ code, stdout }, { code: 3, stdout: 'lives on\n' })
    const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
    t.strictSame(problems.map(({ what }) => what).sort(), [...WHATS].sort())
    for (const problem of problems) t.match(problem, { level: 'warn', reason }, `${problem.what}`)
    for (const ending of ENDINGS)
      t.equal(readIfThere(join(targets, ending)), name === 'a link to nowhere' ? undefined : 'of somebody else', ending)
    for (const ending of ENDINGS)
      t.equal(readIfThere(join(targets, `${ending}.none`)), undefined, `${ending}: nothing made`)
  })

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
