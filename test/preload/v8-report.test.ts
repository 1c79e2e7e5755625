// V8's own report into HEAPGUARD_DIR, in real Node on the built bundle: written where no secret can get into it, and there alone.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canExcludeEnv, emptyFolder, GUARD, recordsIn, runNode, type Start, startNode } from './node.ts'

t.jobs = 2

const canExclude = canExcludeEnv()
const skip = canExclude ? false : 'this Node has no --report-exclude-env'
const FLAGS = canExclude ? '--report-exclude-env --report-exclude-network' : ''
const HEAP = '--max-old-space-size=96 --max-semi-space-size=1'

const fills = (folder: string, nodeOptions: string, before = ''): Start => ({
  args: [
    '-e',
    `process.env.PLANTED_LATER = 'secret-of-the-app'
    const token = 'secret-in-a-closure'.repeat(2)
    ${before}
    const kept = []
    setInterval(() => { for (let n = 0; n < 6000; n++) kept.push({ n, token, list: [n] }) }, 20)`,
  ],
  preload: GUARD,
  nodeOptions: `${HEAP} ${nodeOptions}`.trim(),
  env: {
    HEAPGUARD_DIR: folder,
    HEAPGUARD_PULSE_MS: '50',
    HEAPGUARD_WARN_PERCENT: '50',
    PLANTED: 'secret-of-the-operator',
    DATABASE_URL: 'postgres://user:secret-in-a-url@db/x',
  },
})

const reportsIn = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.report.json'))

t.test('with both flags: written at the end, for the owner alone, without a secret', { skip }, async t => {
  const folder = emptyFolder()
  const { stderr, code, signal } = await runNode(fills(folder, FLAGS))
  t.ok(signal === 'SIGABRT' || code === 134, `${signal ?? code}`)
  const [boot] = recordsIn(stderr)
  t.match(boot, { event: 'heap-validated', reportArmed: true })
  t.notMatch(boot?.msg, /report/)
  const [name = ''] = reportsIn(folder)
  t.match(name, /^heapguard-\d{8}T\d{9}Z-\d+-[0-9a-f]{6}\.report\.json$/)
  t.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  t.match(report.header, { event: /heap|Allocation failed/i })
  t.ok(report.javascriptHeap.usedMemory > 50_000_000)
  t.equal(report.environmentVariables, undefined)
  t.equal(report.header.networkInterfaces, undefined)
})

t.test('no secret in any byte of the folder', { skip }, async t => {
  const folder = emptyFolder()
  await runNode(fills(folder, FLAGS))
  const names = readdirSync(folder)
  t.ok(names.length >= 2, names.join())
  for (const name of names) {
    const bytes = readFileSync(join(folder, name))
    t.ok(bytes.length > 0, name)
    // -e puts the script on the command line, which a report holds.
    const text = bytes.toString('latin1').replaceAll(/"-e",\s*"(?:[^"\\]|\\.)*"/g, '')
    t.notMatch(text, /secret-of-the-operator|secret-in-a-url/, name)
  }
})

t.test('without the flags: no report, and the boot line says why', async t => {
  const folder = emptyFolder()
  const { stderr } = await runNode(fills(folder, ''))
  const [boot] = recordsIn(stderr)
  t.equal(boot?.reportArmed, undefined)
  t.match(boot?.msg, canExclude ? /add --report-exclude-env --report-exclude-network to/ : /22\.13 and newer can/)
  t.strictSame(reportsIn(folder), [])
  t.notMatch(stderr, /Node\.js report/)
})

t.test('without HEAPGUARD_DIR the boot line says nothing of it', async t => {
  const { stderr } = await runNode({ args: ['-e', '0'], preload: GUARD })
  const [boot] = recordsIn(stderr)
  t.equal(boot?.reportArmed, undefined)
  t.notMatch(boot?.msg, /report/)
})

t.test('an operator’s own report settings are left alone', { skip }, async t => {
  const folder = emptyFolder()
  const own = emptyFolder()
  const { stderr } = await runNode(fills(folder, `${FLAGS} --report-on-fatalerror --report-directory=${own}`))
  t.match(recordsIn(stderr)[0]?.msg, /in use already/)
  t.strictSame(reportsIn(folder), [])
  t.equal(readdirSync(own).length, 1, 'theirs is written')
})

t.test('an app that begins to use reports is left alone: one line', { skip }, async t => {
  const folder = emptyFolder()
  const own = emptyFolder()
  const { stderr } = await runNode(
    fills(folder, FLAGS, `process.report.directory = ${JSON.stringify(own)}; process.report.reportOnFatalError = true`),
  )
  t.strictSame(reportsIn(folder), [])
  t.equal(readdirSync(own).length, 1, 'theirs is written')
  const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
  t.match(problems, [{ what: 'report', reason: "the app uses Node's reports itself" }])
})

t.test('the app sees it under heap pressure alone, and it is put back', { skip }, async t => {
  const folder = emptyFolder()
  const script = `
    const seen = () => { const { directory, filename, reportOnFatalError } = process.report; return JSON.stringify([directory !== '', filename !== '', reportOnFatalError]) }
    console.log('calm ' + seen())
    let kept = []
    let most = Infinity
    setInterval(() => {
      for (let n = 0; n < 6000; n++) kept.push({ n, list: [n] })
      if (kept.length > most) kept = []
    }, 20)
    process.stdin.on('data', text => {
      most = 100000
      console.log(text + seen())
      if (String(text).startsWith('eased')) process.exit(1)
    })`
  const running = startNode({
    args: ['-e', script],
    preload: GUARD,
    nodeOptions: `${HEAP} ${FLAGS}`,
    env: { HEAPGUARD_DIR: folder, HEAPGUARD_PULSE_MS: '50', HEAPGUARD_WARN_PERCENT: '50' },
    stdin: 'pipe',
  })
  await running.complains('"event":"pressure"')
  t.equal(reportsIn(folder).length, 1, 'the file stands ready')
  running.child.stdin?.write('pressed ')
  await running.complains('"event":"pressure-eased"')
  t.strictSame(reportsIn(folder), [])
  running.child.stdin?.write('eased ')
  const { stdout } = await running.ended
  t.equal(stdout, 'calm [false,false,false]\npressed [true,true,true]\neased [false,false,false]\n')
})

t.test('killed while the file stands ready: empty, it is no word of V8 for the next start', { skip }, async t => {
  const folder = emptyFolder()
  const running = startNode(fills(folder, FLAGS))
  await running.complains('"event":"pressure"')
  running.child.kill('SIGKILL')
  await running.ended
  const [name = ''] = reportsIn(folder)
  t.equal(statSync(join(folder, name)).size, 0)
  const { stderr } = await runNode({ args: ['-e', '0'], preload: GUARD, env: { HEAPGUARD_DIR: folder } })
  const said = recordsIn(stderr).filter(({ event }) => event === 'previous-death')
  t.equal(said.length, 1)
  t.comment(said[0]?.msg)
  // Its heap stood on a rung, which is a reason to suspect V8, and not to be sure.
  t.match(said[0], { death: 'v8-heap-limit', confidence: /^(likely|possible)$/ })
  t.notMatch(said[0]?.msg, /report/)
})

t.test('an exit under pressure leaves no empty report', { skip }, async t => {
  const folder = emptyFolder()
  const { code } = await runNode(
    fills(folder, FLAGS, 'setInterval(() => { if (process.report.filename) process.exit(3) }, 10);'),
  )
  t.equal(code, 3)
  t.strictSame(reportsIn(folder), [])
})

for (const [name, end, isDeath] of [
  ['an exit under pressure leaves it', 'process.exit(3)', false],
  ['a kill leaves it, and it is no word of V8 for the next start', 'process.kill(process.pid, "SIGKILL")', true],
] as const)
  t.test(`a report that the app writes meanwhile: ${name}`, { skip }, async t => {
    const folder = emptyFolder()
    const script = `setInterval(() => {
      if (!process.report.filename) return
      process.report.writeReport()
      ${end}
    }, 10);`
    await runNode(fills(folder, FLAGS, script))
    const [name = ''] = reportsIn(folder)
    t.match(JSON.parse(readFileSync(join(folder, name), 'utf8')).header, { event: 'JavaScript API' })
    const { stderr } = await runNode({ args: ['-e', '0'], preload: GUARD, env: { HEAPGUARD_DIR: folder } })
    const said = recordsIn(stderr).filter(({ event }) => event === 'previous-death')
    t.equal(said.length, isDeath ? 1 : 0)
    for (const { confidence, msg } of said) {
      t.not(confidence, 'certain')
      t.notMatch(msg, /report/)
    }
    t.strictSame(reportsIn(folder), [name], 'there still')
  })

const problemsIn = (stderr: string): readonly unknown[] =>
  recordsIn(stderr)
    .filter(({ event }) => event === 'evidence-problem')
    .map(({ what, reason }) => [what, reason])

/** Each time that the report is armed the heap is let go of, until that is over; `then` is run at the second time. */
const comesAndGoes = (then: string): string => `
  let kept = []
  let times = 0
  let wasArmed = false
  setInterval(() => {
    for (let n = 0; n < 6000; n++) kept.push({ n, list: [n] })
    const isArmed = process.report.filename !== ''
    if (isArmed && kept.length > 100000) kept = []
    if (isArmed && !wasArmed && ++times === 1) { first() }
    else if (isArmed && !wasArmed) { ${then} }
    wasArmed = isArmed
  }, 20);`

t.test('a file that cannot be taken away: one line, and the next climb has its report', { skip }, async t => {
  const folder = emptyFolder()
  const script = `
    require('fs').unlinkSync = () => { throw Object.assign(new Error('planted'), { code: 'EROFS' }) }
    const first = () => {}
    ${comesAndGoes('console.log("again"); process.exit(4)')}`
  const { args: _, ...start } = fills(folder, FLAGS)
  const { code, stdout, stderr } = await runNode({ ...start, args: ['-e', script] })
  t.equal(stdout, 'again\n')
  t.equal(code, 4)
  t.strictSame(problemsIn(stderr), [['report', 'EROFS']])
})

t.test("the app's own report from the first climb: the second leaves it, and says so", { skip }, async t => {
  const folder = emptyFolder()
  const running = startNode({
    ...fills(folder, FLAGS),
    args: ['-e', `const first = () => process.report.writeReport(); ${comesAndGoes('')}`],
  })
  const { stderr } = await running.ended
  t.strictSame(problemsIn(stderr), [['report', "the app uses Node's reports itself"]])
  const [name = ''] = reportsIn(folder)
  t.match(JSON.parse(readFileSync(join(folder, name), 'utf8')).header, { event: 'JavaScript API' })
})

t.test('a folder that cannot be written: one line, and the app goes its way', { skip }, async t => {
  const { stderr } = await runNode(fills('/proc/no-such-folder', FLAGS))
  const problems = recordsIn(stderr).filter(({ event, what }) => event === 'evidence-problem' && what === 'report')
  t.match(problems, [{ reason: 'ENOENT' }])
})
