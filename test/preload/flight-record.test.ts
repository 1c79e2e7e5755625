// The flight record in real Node, on the built bundle: a kill, an end in good order, a folder that is none.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, recordsIn, runNode, startNode } from './node.ts'

t.jobs = 2

const env = (dir: string) => ({ HEAPGUARD_DIR: dir, HEAPGUARD_PULSE_MS: '50' })
const deaths = (stderr: string) => recordsIn(stderr).filter(({ event }) => event === 'previous-death')
/** Says "recorded" when its record is there. */
const RECORDED = `
  const { readdirSync } = require('node:fs')
  const timer = setInterval(() => {
    if (!readdirSync(process.env.HEAPGUARD_DIR).some(name => name.includes('-' + process.pid + '-'))) return
    clearInterval(timer)
    console.log('recorded')
    END
  }, 20)`
const script = (end: string): string => RECORDED.replace('END', end)

t.test('killed: the next start says so after its boot line, once', async t => {
  const dir = emptyFolder()
  const running = startNode({ args: ['-e', script('setInterval(() => {}, 1000)')], preload: GUARD, env: env(dir) })
  await running.says('recorded')
  const [name = ''] = readdirSync(dir)
  t.match(name, /^heapguard-\d{8}T\d{9}Z-\d+-[0-9a-f]{6}\.run$/)
  t.match(statSync(join(dir, name)), { size: 8192 })
  t.equal(statSync(join(dir, name)).mode & 0o777, 0o600)
  running.child.kill('SIGKILL')
  // env -i became node: the pid is the same.
  await running.ended
  const next = await runNode({ args: ['-e', '0'], preload: GUARD, env: env(dir) })
  const events = recordsIn(next.stderr).map(({ event }) => event)
  t.ok(events.indexOf('previous-death') > events.indexOf('heap-validated'), events.join())
  t.match(deaths(next.stderr), [{ death: 'killed-from-outside', confidence: 'possible', level: 'warn' }])
  t.strictSame(readdirSync(dir), [name.replace('.run', '.death')])
  t.strictSame(deaths((await runNode({ args: ['-e', '0'], preload: GUARD, env: env(dir) })).stderr), [])
})

for (const [end, code] of [
  ['process.exit(0)', 0],
  ['process.exit(3)', 3],
  ['', 0],
] as const)
  t.test(`an end in its own words (${end || 'nothing left to do'}): nothing is left behind`, async t => {
    const dir = emptyFolder()
    const ended = await runNode({ args: ['-e', script(end)], preload: GUARD, env: env(dir) })
    t.equal(ended.code, code)
    t.strictSame(readdirSync(dir), [])
  })

t.test('an uncaught exception is a crash', async t => {
  const dir = emptyFolder()
  const ended = await runNode({ args: ['-e', script('throw new Error("x")')], preload: GUARD, env: env(dir) })
  t.equal(ended.code, 1)
  const next = await runNode({ args: ['-e', '0'], preload: GUARD, env: env(dir) })
  t.match(deaths(next.stderr), [{ death: 'crash', confidence: 'certain' }])
})

t.test('a folder that is not there: one line, and the app is as it was', async t => {
  const ended = await runNode({
    args: ['-e', 'setTimeout(() => console.log("done"), 400)'],
    preload: GUARD,
    env: env(join(emptyFolder(), 'none')),
  })
  t.match(ended, { code: 0, stdout: 'done\n' })
  const problems = recordsIn(ended.stderr).filter(({ event }) => event === 'evidence-problem')
  t.match(problems, [{ what: 'flight record', reason: 'ENOENT' }])
  t.equal(problems.length, 1)
})
