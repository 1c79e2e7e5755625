// heapguard doctor in real containers: what fits, what does not, and what nobody limits.
import { resolve } from 'node:path'
import t from 'tap'
import { whyNoDocker } from '../container/docker.ts'
import { runCli } from './heapguard.ts'
import { spawnDocker } from './spawn-docker.ts'

const skip = (await whyNoDocker()) ?? false
const guarded = '--max-old-space-size=384 --require /opt/heapguard/preload.js'

const doctor = (args: readonly string[], words: readonly string[] = []) =>
  spawnDocker([
    'run',
    '--rm',
    ...args,
    '-v',
    `${resolve('dist')}:/opt/heapguard:ro`,
    'node:24-bookworm-slim',
    'node',
    '/opt/heapguard/heapguard.js',
    'doctor',
    ...words,
  ])

t.test('512 MB: 384 MB of heap fit', { skip }, async t => {
  const { code, stdout } = await doctor(['-m', '512m', '-e', `NODE_OPTIONS=${guarded}`])
  t.equal(code, 0)
  t.match(stdout, /container memory +512 +cgroup-v[12]: \/sys\/fs\/cgroup/)
  t.match(stdout, /IT FITS\n/)
})

t.test('256 MB: they do not, and what to set does', { skip }, async t => {
  const { code, stdout } = await doctor(['-m', '256m', '-e', `NODE_OPTIONS=${guarded}`])
  t.equal(code, 1)
  t.match(stdout, /DOES NOT FIT\n/)
  t.match(stdout, /NODE_OPTIONS="--max-old-space-size=188 --require \/opt\/heapguard\/preload\.js"/)
  t.match(stdout, /Tried: with these node has a heap limit of \d+ MB, 7\d\.\d % of the container: it fits\./)
})

t.test('no limit: could not tell; in a pod a finding says why', { skip }, async t => {
  const env = ['-e', `NODE_OPTIONS=${guarded}`, '-e', 'KUBERNETES_SERVICE_HOST=10.0.0.1']
  const { code, stdout } = await doctor(env, ['--json'])
  t.equal(code, 2)
  t.match(JSON.parse(stdout), { status: 2, verdict: 'not-known', findings: [{ name: 'no-limit-in-pod' }] })
})

t.test('PID 1 without the guard that the image asks for, and a process of another container', { skip }, async t => {
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const run = ['run', '--detach', '-m', '300m', '-e', `NODE_OPTIONS=${guarded}`, '-v', mount, 'node:24-bookworm-slim']
  const app = ['node', '-e', 'setInterval(() => {}, 1e6)']
  const lost = (await spawnDocker([...run, 'env', '-u', 'NODE_OPTIONS', ...app])).stdout.trim()
  t.teardown(() => spawnDocker(['rm', '--force', lost]))
  const inside = await spawnDocker(['exec', lost, 'node', '/opt/heapguard/heapguard.js', 'doctor'])
  t.match(inside.stdout, /! first-process-without-guard: PID 1 runs without the guard/)

  const kept = (await spawnDocker([...run, ...app])).stdout.trim()
  t.teardown(() => spawnDocker(['rm', '--force', kept]))
  const itself = await spawnDocker([
    'exec',
    kept,
    'node',
    '/opt/heapguard/heapguard.js',
    'doctor',
    '--json',
    '--pid',
    '1',
  ])
  t.equal(itself.code, 1)
  const said = JSON.parse(itself.stdout)
  t.match(said, { verdict: 'exceeds', containerMemoryMB: 300, findings: [] })
  // From outside the same, by its flags; where the daemon runs elsewhere its pids are not ours.
  const pid = (await spawnDocker(['inspect', '--format', '{{.State.Pid}}', kept])).stdout.trim()
  const outside = await runCli(['doctor', '--json', '--pid', pid])
  if (outside.code === 2) t.pass('from outside', { skip: outside.stderr })
  else
    t.match(JSON.parse(outside.stdout), { heapLimitMB: said.heapLimitMB, containerMemoryMB: 300, verdict: 'exceeds' })
})

t.test('PID 1 has a heap of its own: what is judged is not what runs', { skip }, async t => {
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const run = ['run', '--detach', '-m', '512m', '-e', `NODE_OPTIONS=${guarded}`, '-v', mount, 'node:24-bookworm-slim']
  const app = ['node', '--max-old-space-size=2048', '-e', 'setInterval(() => {}, 1e6)']
  const id = (await spawnDocker([...run, ...app])).stdout.trim()
  t.teardown(() => spawnDocker(['rm', '--force', id]))
  const ask = (...words: string[]) =>
    spawnDocker(['exec', id, 'node', '/opt/heapguard/heapguard.js', 'doctor', '--json', ...words])
  const here = await ask('--strict')
  t.equal(here.code, 1)
  const { verdict, findings } = JSON.parse(here.stdout)
  t.equal(verdict, 'fits')
  t.match(findings, [{ name: 'first-process-differs', msg: /=2048 \(here --max-old-space-size=384\)/ }])
  t.match(JSON.parse((await ask('--pid', '1')).stdout), { verdict: 'exceeds', heapCeilingMB: 2048, findings: [{}] })
})

t.test('four node processes of 384 MB in 512: the doctor adds them up, and leaves itself out', { skip }, async t => {
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const run = ['run', '--detach', '-m', '512m', '-e', `NODE_OPTIONS=${guarded}`, '-v', mount, 'node:24-bookworm-slim']
  const script = `const { spawn } = require('child_process')
    for (let i = 0; i < 3; i++) spawn('node', ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' })
    console.log('all')`
  const id = (await spawnDocker([...run, 'node', '-e', script])).stdout.trim()
  t.teardown(() => spawnDocker(['rm', '--force', id]))
  for (let n = 0; n < 100 && !(await spawnDocker(['logs', id])).stdout.includes('all'); n++)
    await new Promise(done => setTimeout(done, 100))
  for (const words of [[], ['--pid', '1']]) {
    const doctor = ['doctor', '--json', '--strict', ...words]
    const { code, stdout } = await spawnDocker(['exec', id, 'node', '/opt/heapguard/heapguard.js', ...doctor])
    t.equal(code, 1)
    t.match(JSON.parse(stdout).findings, [
      { name: 'heap-sum', msg: /add up to 1548 MB \(4 node processes with 4 heaps\)/ },
    ])
  }
})

t.test('the README’s first line of help: no options at all, in 512 MB', { skip }, async t => {
  const { code, stdout } = await doctor(['-m', '512m'])
  t.equal(code, 0)
  t.match(stdout, /! guard-not-loaded: NODE_OPTIONS is not set/)
  t.match(stdout, /NODE_OPTIONS="--require \/opt\/heapguard\/preload\.js"/)
})

const HEAVY = 'node --max-old-space-size=4096 x.js'

t.test(
  'a command is judged through what stands in front of it, and one that is not understood is not',
  { skip },
  async t => {
    for (const [words, code] of [
      [`docker-entrypoint.sh ${HEAVY}`, 1],
      [`gosu node ${HEAVY}`, 1],
      [`timeout 10 ${HEAVY}`, 1],
      [`setpriv --reuid 1000 ${HEAVY}`, 1],
      [`nice -n 10 ${HEAVY}`, 1],
      ['pm2-runtime app.js', 2],
      ['python3 app.py', 2],
      ['nice -n 10 node x.js', 0],
    ] as const)
      t.equal(
        (await doctor(['-m', '512m', '-e', `NODE_OPTIONS=${guarded}`], ['--', ...words.split(' ')])).code,
        code,
        words,
      )
  },
)

t.test('a shell’s line: the doctor and the boot line agree', { skip }, async t => {
  const line = 'node --max-old-space-size=4096 -e 0'
  const args = ['-m', '512m', '-e', `NODE_OPTIONS=${guarded}`]
  const judged = await doctor(args, ['--json', '--', 'sh', '-c', line])
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const started = await spawnDocker(['run', '--rm', ...args, '-v', mount, 'node:24-bookworm-slim', 'sh', '-c', line])
  const boot = JSON.parse(started.stderr.split('\n')[0] ?? '')
  const { verdict, heapLimitMB } = JSON.parse(judged.stdout)
  t.equal(judged.code, 1)
  t.strictSame({ verdict, heapLimitMB }, { verdict: boot.verdict, heapLimitMB: boot.heapLimitMB })
})

t.test('of a line that is one command bash makes node itself, Debian’s sh does not', { skip }, async t => {
  const line = `node -p 'require("fs").readFileSync("/proc/1/cmdline", "utf8").split("\\0")[0]'`
  for (const [shell, first] of [
    ['bash', 'node'],
    ['dash', 'dash'],
    ['sh', 'sh'],
  ] as const)
    t.equal((await spawnDocker(['run', '--rm', 'node:24-bookworm-slim', shell, '-c', line])).stdout, `${first}\n`)
})

t.test('--pid 1 is the node process behind an init and a shell', { skip }, async t => {
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const code = 'setInterval(() => {}, 1e6); console.log(1)'
  const app = `node --max-old-space-size=300 -e '${code}'`
  const two = `${app} & ${app} & wait`
  for (const [options, command, want] of [
    [['--init'], ['node', '--max-old-space-size=300', '-e', code], / behind docker-init$/],
    [['--init'], ['sh', '-c', `${app}; true`], / behind docker-init and sh$/],
    [[], ['sh', '-c', `${app}; true`], / behind sh$/],
    [[], ['sh', '-c', two], undefined],
  ] as const) {
    const run = ['run', '--detach', ...options, '-m', '512m', '-v', mount, 'node:24-bookworm-slim', ...command]
    const id = (await spawnDocker(run)).stdout.trim()
    t.teardown(() => spawnDocker(['rm', '--force', id]))
    const awaited = want === undefined ? '1\n1\n' : '1\n'
    while ((await spawnDocker(['logs', id])).stdout !== awaited) await new Promise(done => setTimeout(done, 50))
    const words = ['node', '/opt/heapguard/heapguard.js', 'doctor', '--json', '--pid', '1']
    const { code: status, stdout } = await spawnDocker(['exec', id, ...words])
    if (want === undefined)
      t.match(
        { code: status, ...JSON.parse(stdout) },
        { code: 2, reason: /name one: pid \d+ \(node .*, pid \d+ \(node / },
      )
    else
      t.match({ code: status, ...JSON.parse(stdout) }, { code: 0, subject: want, heapCeilingMB: 300, verdict: 'fits' })
  }
})

t.test('a disk that takes the first bytes alone: 2, and why', { skip }, async t => {
  const line =
    'head -c 3900 /dev/zero > /mnt/out; node /opt/heapguard/heapguard.js doctor >> /mnt/out; echo $?; wc -c < /mnt/out'
  const mount = `${resolve('dist')}:/opt/heapguard:ro`
  const args = ['run', '--rm', '-m', '512m', '--tmpfs', '/mnt:size=4k', '-v', mount, 'node:24-bookworm-slim']
  const { stdout, stderr } = await spawnDocker([...args, 'sh', '-c', line])
  t.equal(stdout, '2\n4096\n')
  t.match(stderr, /^heapguard: stdout cannot be written: ENOSPC/)
})
