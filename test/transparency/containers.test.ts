// In real containers: PID 1 with and without an init in front, other users, probes and exec.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { baseImage, start, whyNoDocker } from '../container/docker.ts'
import { GUARD, recordsIn } from '../preload/node.ts'
import { type Case, compareCases, IS_FULL, MAJOR, type Run } from './harness.ts'

const run = promisify(execFile)
const image = baseImage(`${MAJOR}`)
const skip = IS_FULL ? await whyNoDocker([`${MAJOR}`]) : 'HEAPGUARD_TEST_FULL'

/** Runs the case in a container that sees the project and the case's folder under the same names. */
const inContainer =
  (options: readonly string[], front: readonly string[] = []) =>
  ({ args, env, folder }: Run): readonly string[] => [
    ...['docker', 'run', '--rm', '-m', '512m', '--hostname', 'app', ...options],
    ...[resolve('dist'), resolve('test')].flatMap(path => ['-v', `${path}:${path}:ro`]),
    ...['-v', `${dirname(folder)}:${dirname(folder)}`, '-w', folder],
    ...Object.entries(env).flatMap(([name, value]) =>
      name === 'PATH' || name === 'HOME' ? [] : ['-e', `${name}=${value}`],
    ),
    ...[image, ...front, 'node', ...args],
  ]
const binary = (path: string): string[] => ['-v', `${path}:/front:ro`]
const keep = 'setInterval(() => {}, 1000);'
const handled = `process.on('SIGTERM', () => { look('got'); console.log('got'); process.exit(3) }); look('start'); ${keep} ready()`
// As PID 1 the signal is ignored: it ends by itself, which shows that it lived on.
const unhandled = `look('start'); ready(); setTimeout(() => { console.log('alive'); process.exit(4) }, 1500)`

const cases: Record<string, Case> = {}
for (const [name, options, front, path] of [
  ['as PID 1', [], []],
  ['under docker --init', ['--init'], []],
  ['under tini', binary('/usr/bin/tini'), ['/front', '--'], '/usr/bin/tini'],
  ['under dumb-init', binary('/usr/bin/dumb-init'), ['/front', '--'], '/usr/bin/dumb-init'],
  ['under a shell that waits', [], ['sh', '-c', '"$@"; exit $?', 'sh']],
] as const) {
  const why = skip ?? (path === undefined || existsSync(path) ? undefined : `no ${path} here`)
  const common = { as: 'app.js', command: inContainer(options, front), skip: why }
  cases[`${name}, a handler`] = {
    ...common,
    script: name.includes('shell') ? handled.replace(keep, 'setTimeout(() => process.exit(5), 1500);') : handled,
    steps: ['wait for ready', 'SIGTERM'],
  }
  cases[`${name}, no handler`] = { ...common, script: unhandled, steps: ['wait for ready', 'SIGTERM'] }
}
Object.assign(cases, {
  'a user without a passwd entry, a read-only root': {
    script: `look('start'); console.log(process.getuid())`,
    as: 'app.js',
    skip,
    command: inContainer(['--user', '12345', '--read-only']),
    want: { code: 0, stdout: '12345\n' },
  },
  'no capabilities, no new privileges, 64 processes at most': {
    script: `look('start'); console.log(1)`,
    as: 'app.js',
    skip,
    command: inContainer(['--cap-drop=ALL', '--security-opt=no-new-privileges', '--pids-limit=64']),
    want: { code: 0 },
  },
  'a package.json of type module at the root': {
    script: 'console.log(typeof require)',
    skip,
    command: run => {
      const [...words] = inContainer([], ['sh', '-c', `echo '{"type":"module"}' > /package.json; "$@"`, 'sh'])(run)
      return words
    },
    want: { code: 0 },
  },
  'a terminal of docker': {
    script: 'console.log(1)',
    as: 'app.js',
    skip,
    command: inContainer(['-t']),
    want: { code: 0 },
    blur: (text: string) =>
      text.replaceAll(/\d\d:\d\d:\d\dZ heapguard\[\d+\] .*\r?\n/g, '').replaceAll(/^\{"time".*\n/gm, ''),
  },
} satisfies Record<string, Case>)

t.jobs = 2
compareCases(t, cases)

t.test('who may speak in a container', { skip: skip ?? false }, async t => {
  const mounted = ['-m', '512m', '-v', `${dirname(GUARD)}:/guard:ro`, '-e', 'NODE_OPTIONS=--require /guard/preload.js']
  const main = ['node', '-e', 'setInterval(() => {}, 1000)']

  for (const [name, init] of [
    ['PID 1', []],
    ['an init', ['--init']],
  ] as const)
    t.test(`exec beside ${name}: what is over within ten seconds says nothing`, async t => {
      const container = await start(t, image, { args: [...mounted, ...init], command: main })
      await container.booted()
      for (const command of [
        ['node', '-p', '1'],
        ['sh', '-c', 'node -p 1 || exit 1'],
        ['sh', '-c', 'sh -c "node -p 1; true"; true'],
        ['env', 'A=1', 'node', '-p', '1'],
      ]) {
        const { stdout, stderr } = await run('docker', ['exec', container.id, ...command])
        t.strictSame({ stdout, stderr }, { stdout: '1\n', stderr: '' }, command.join(' '))
      }
      const { stderr } = await run('docker', ['exec', container.id, 'node', '-e', 'setTimeout(() => {}, 10500)'])
      t.strictSame(
        recordsIn(stderr).map(record => record.event),
        ['heap-validated', 'shutdown'],
        'what lives longer says all',
      )
    })

  t.test('HEALTHCHECK: its output is its own', async t => {
    const probe = `node -e 'console.log("well")' || exit 1`
    const args = [...mounted, `--health-cmd=${probe}`, '--health-interval=1s', '--health-start-period=1ms']
    const container = await start(t, image, { args, command: main })
    t.equal(await container.health(), 'healthy')
    const log = JSON.parse(await container.inspect('{{json .State.Health.Log}}')) as { Output: string }[]
    t.strictSame(new Set(log.map(({ Output }) => Output)), new Set(['well\n']))
  })
})
