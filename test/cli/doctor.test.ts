// heapguard doctor, the built one, on real Node.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, NODE, runNode } from '../preload/node.ts'
import { runCli } from './heapguard.ts'

const flags = '--max-old-space-size=384'

t.test('a heap that fits: a table, and 0', async t => {
  const { code, stdout } = await runCli(['doctor'], {
    preload: GUARD,
    nodeOptions: flags,
    env: { CONTAINER_MEMORY_MB: '1024' },
  })
  t.equal(code, 0)
  t.match(stdout, /^heapguard doctor \d/, 'nothing of the guard’s on stdout')
  t.match(stdout, /container memory +1024 +set: CONTAINER_MEMORY_MB/)
  t.match(stdout, /V8 gives up at +384 +--max-old-space-size=384 \(NODE_OPTIONS\)/)
  t.match(stdout, /\nIT FITS\n/)
  t.notMatch(stdout, /Set\n/)
})

t.test('a heap that does not: what to set, tried, and 1', async t => {
  const { code, stdout } = await runCli(['doctor', '--json'], {
    preload: GUARD,
    nodeOptions: `--title "a b" ${flags}`,
    env: { CONTAINER_MEMORY_MB: '256' },
  })
  const said = JSON.parse(stdout)
  t.equal(code, 1)
  t.match(said, { status: 1, verdict: 'exceeds', containerMemorySource: 'env', triedVerdict: 'fits' })
  t.match(said.nodeOptions, new RegExp(`^--max-old-space-size=18[68] .*--title "a b" --require ${GUARD}$`))
  const again = await runCli(['doctor', `--node-options=${said.nodeOptions}`], { env: { CONTAINER_MEMORY_MB: '256' } })
  t.equal(again.code, 0, 'what it says to set, it finds to fit')
})

t.test('a command’s own flags win, and are found', async t => {
  const { code, stdout } = await runCli(['doctor', '--json', '--', NODE, '--max-old-space-size=300', 'server.js'], {
    nodeOptions: flags,
    env: { CONTAINER_MEMORY_MB: '256' },
  })
  const said = JSON.parse(stdout)
  t.equal(code, 1)
  t.match(said, { heapCeilingMB: 300, heapCeilingFlag: '--max-old-space-size=300', subject: /server\.js$/ })
  t.strictSame(
    said.findings.map(({ name }: { name: string }) => name),
    ['guard-not-loaded', 'heap-flag-on-command-line'],
  )
})

t.test('a running process, which is not touched', async t => {
  const child = spawn('env', [
    '-i',
    `NODE_OPTIONS=${flags} --require ${GUARD}`,
    'CONTAINER_MEMORY_MB=420',
    NODE,
    '-e',
    'setInterval(() => {}, 1e6); console.log(1)',
  ])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const { code, stdout } = await runCli(['doctor', '--json', '--pid', String(child.pid)])
  t.equal(code, 1)
  t.match(JSON.parse(stdout), {
    subject: new RegExp(`^pid ${child.pid} `),
    heapCeilingMB: 384,
    containerMemoryMB: 420,
    verdict: 'exceeds',
    findings: [],
  })
  t.equal(child.exitCode, null)
})

t.test('no such process, and one that is no node: 2, and why', async t => {
  t.match(await runCli(['doctor', '--pid', '4000000000']), {
    code: 2,
    stdout: '',
    stderr: /there is no process 4000000000/,
  })
  const sleeper = spawn('sleep', ['60'])
  t.teardown(() => sleeper.kill())
  const { code, stdout, stderr } = await runCli(['doctor', '--pid', String(sleeper.pid)])
  t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: /pid \d+ \(sleep 60\) is no node process/ })
})

t.test('no such process, for a program', async t => {
  const { code, stdout, stderr } = await runCli(['doctor', '--json', '--pid', '4000000000'])
  t.match({ code, stderr }, { code: 2, stderr: '' })
  t.match(JSON.parse(stdout), {
    status: 2,
    verdict: 'not-known',
    reason: 'there is no process 4000000000',
    findings: [],
  })
})

t.test('what others call themselves does not steer the terminal', async t => {
  const title = '\x1b[2Jtitle\x07'
  const child = spawn(NODE, [
    '-e',
    `process.title = ${JSON.stringify(title)}; setInterval(() => {}, 1e6); console.log(1)`,
  ])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const { stdout } = await runCli(['doctor', '--pid', String(child.pid)])
  t.match(stdout, /\(\ufffd\[2Jtitle\ufffd\)/)
  const { stdout: json } = await runCli(['doctor', '--json', '--pid', String(child.pid)])
  t.match(JSON.parse(json).subject, title)
  const sleeper = spawn('sleep', ['60'], { argv0: title })
  t.teardown(() => sleeper.kill())
  t.match((await runCli(['doctor', '--pid', String(sleeper.pid)])).stderr, /\(\ufffd\[2Jtitle\ufffd 60\) is no node/)
})

t.test('a process that has set its title shows no flags, and that is said', async t => {
  const child = spawn('env', [
    '-i',
    NODE,
    '--max-old-space-size=99',
    '-e',
    'process.title = "an app"; setInterval(() => {}, 1e6); console.log(1)',
  ])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const { stdout } = await runCli(['doctor', '--pid', String(child.pid)])
  t.match(stdout, /! title-hides-flags: /)
  t.match(stdout, /pid \d+ \(an app\)/)
})

t.test('a flag that Node refuses, and a preload that is not there: node would not start', async t => {
  const { code, stdout } = await runCli(['doctor', '--node-options', '--no-such-flag --require ./nothing.js'])
  t.equal(code, 1)
  t.match(stdout, /NODE WOULD NOT START/)
  t.match(stdout, /✗ refused-flag: .*--no-such-flag is not allowed/s)
  t.match(stdout, /✗ missing-preload: \.\/nothing\.js/)
})

for (const [name, nodeOptions, findings] of [
  ['quotes of docker’s', `"${flags} --require ${GUARD}"`, ['badly-written', 'refused-flag', 'guard-not-loaded']],
  ['single quotes', `'${flags} --require ${GUARD}'`, ['badly-written', 'guard-not-loaded']],
  ['two lines', `${flags}\n--require ${GUARD}\n`, ['badly-written', 'refused-flag', 'guard-not-loaded']],
  [
    'a line break at the end',
    `${flags} --require ${GUARD}\n`,
    ['badly-written', 'missing-preload', 'guard-not-loaded'],
  ],
  ['a tab', `${flags}\t--require ${GUARD}`, ['badly-written', 'refused-flag', 'guard-not-loaded']],
  ['a flag that is refused, alone', '--no-such-flag', ['refused-flag', 'guard-not-loaded']],
  ['a quote that is not closed', '--require "x', ['refused-flag', 'guard-not-loaded']],
  ['a guard that lies elsewhere', '--require /no/such/preload.js', ['missing-preload', 'guard-not-loaded']],
  ['a heap that is too small for a start', `--max-old-space-size=1 --require ${GUARD}`, ['dies-at-start']],
] as const)
  t.test(`${name}: what to set has the heap and the guard, and fits`, async t => {
    const env = { CONTAINER_MEMORY_MB: '512' }
    const { stdout } = await runCli(['doctor', '--json', `--node-options=${nodeOptions}`], { env })
    const said = JSON.parse(stdout)
    t.strictSame(
      said.findings.map(({ name }: { name: string }) => name),
      findings,
    )
    t.match(said.nodeOptions, new RegExp(`^--max-old-space-size=\\d+.* --require ${GUARD}$`))
    t.equal(said.nodeOptions.split(GUARD).length, 2, 'once')
    t.equal(said.triedVerdict, 'fits')
    const again = await runCli(['doctor', '--strict', `--node-options=${said.nodeOptions}`], { env })
    t.equal(again.code, 0, again.stdout)
  })

t.test('HEAPGUARD_AUTOSIZE: judged as it would be started again, or why it cannot be', async t => {
  const env = { CONTAINER_MEMORY_MB: '512', HEAPGUARD_AUTOSIZE: 'on' }
  const ask = async (nodeOptions: string, more: Readonly<Record<string, string>> = {}) => {
    const { code, stdout } = await runCli(['doctor', '--strict', '--json', `--node-options=${nodeOptions}`], {
      env: { ...env, ...more },
    })
    return { code, said: JSON.parse(stdout) }
  }
  const tooLarge = `--max-old-space-size=4096 --require ${GUARD}`
  const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec((await ask(tooLarge)).said.nodeVersion)?.map(Number) ?? []
  const hasExecve = major > 22 || (major === 22 && minor >= 15)
  const again = {
    code: 0,
    said: { verdict: 'exceeds', autosizeFlags: /^--max-old-space-size=3\d\d/, autosizedVerdict: 'fits' },
  }
  const cannot = {
    code: 1,
    said: { verdict: 'exceeds', findings: [{ name: 'autosize-cannot', msg: /no process\.execve/ }] },
  }
  t.match(await ask(tooLarge), hasExecve ? again : cannot)
  t.match(await ask(`--max-old-space-size=384 --max-semi-space-size=1 --require ${GUARD}`), {
    code: 0,
    said: { findings: [] },
  })
  t.notOk('autosizedVerdict' in (await ask(`--max-old-space-size=384 --max-semi-space-size=1 --require ${GUARD}`)).said)
  t.match(await ask(tooLarge, { HEAPGUARD_ENABLED: 'off' }), {
    code: 1,
    said: { findings: [{ name: 'switched-off' }] },
  })
  if (!hasExecve) return
  t.match(await ask(`--max-old-space-size=4096 --import ${GUARD}`), {
    code: 1,
    said: { findings: [{ name: 'autosize-cannot', msg: /not loaded by --require/ }] },
  })
  const guard = await runNode({ preload: GUARD, nodeOptions: '--max-old-space-size=4096', env, args: ['-e', '0'] })
  const { said } = await ask(tooLarge)
  t.match(guard.stderr, `"remedy":"${said.autosizeFlags}"`, 'as the guard then does')
})

t.test('an assumed container is not held against what was tried', async t => {
  const { stdout } = await runCli(['doctor', '--node-options', '--no-such-flag'])
  if (/container memory +\d/.test(stdout)) t.pass('this machine has a limit', { skip: 'it is known here' })
  else
    t.match(stdout, /Tried: with these node has a heap limit of \d+(\.\d)? MB; what the container has is not known\./)
})

t.test('a preload is known by its file, not by its name', async t => {
  const folder = emptyFolder()
  cpSync(GUARD, join(folder, 'preload.js'))
  writeFileSync(join(folder, 'other.cjs'), 'process.stdout.write("it was run")')
  const { stdout } = await runCli(['doctor', '--json', '--node-options', `--require ${join(folder, 'other.cjs')}`])
  t.match(JSON.parse(stdout).findings, [{ name: 'guard-not-loaded' }])
  t.notMatch(stdout, /it was run/, 'what is judged is not run')
  const guarded = await runCli(['doctor', '--json', '--node-options', `--require ${GUARD}`])
  t.strictSame(JSON.parse(guarded.stdout).findings, [])
})

t.test('a node that is not there: could not tell', async t => {
  const { code, stdout } = await runCli(['doctor', '--', '/no/such/node', 'x.js'])
  t.equal(code, 2)
  t.match(stdout, /COULD NOT TELL\nNode could not be asked: \/no\/such\/node/)
})

t.test('--strict makes a finding count', async t => {
  const env = { CONTAINER_MEMORY_MB: '4096' }
  t.equal((await runCli(['doctor', '--node-options', flags], { env })).code, 0)
  t.equal((await runCli(['doctor', '--node-options', flags, '--strict'], { env })).code, 1)
})

t.test('help, version and mistakes', async t => {
  const help = await runCli(['--help'])
  t.match(help, { code: 0, stdout: /^heapguard doctor / })
  t.match(await runCli(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await runCli(['docter']), { code: 2, stdout: '', stderr: /no such command: docter/ })
})
