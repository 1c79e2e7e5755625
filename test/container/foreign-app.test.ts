import { appendFileSync, cpSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { build, type Container, root, start, whyNoDocker } from './docker.ts'

const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const copyLine = /^COPY --from=heapguard .*$/m.exec(readme)?.[0] ?? ''
const envLine = /^ENV NODE_OPTIONS=.*$/m.exec(readme)?.[0] ?? ''

t.test('README’s two lines are those of the project’s own Dockerfile', async t => {
  t.not(copyLine, '')
  t.not(envLine, '')
  const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8').split('\n')
  t.equal(dockerfile[dockerfile.indexOf(envLine) - 1], copyLine)
})

const missing = await whyNoDocker()
if (missing) t.pass('a foreign app in a container', { skip: missing })
else await containerTests()

async function containerTests() {
  const guard = await build(t, 'foreign-guard', root, ['--target', 'heapguard'])
  const fixture = path.join(root, 'test/fixtures/foreign-app')
  const copy = t.testdir()
  cpSync(fixture, copy, { recursive: true })
  appendFileSync(path.join(copy, 'Dockerfile'), `${copyLine.replace('=heapguard ', `=${guard} `)}\n${envLine}\n`)
  const without = await build(t, 'foreign-without', fixture)
  const guarded = await build(t, 'foreign-with', copy)

  /** The same steps in both images; returns what can be seen of the app from outside, for each. */
  const both = async <T>(t: Test, args: readonly string[], steps: (container: Container) => Promise<T>) =>
    Promise.all(
      [without, guarded].map(async image => {
        const container = await start(t, image, { args: ['-m', '512m', ...args] })
        await container.said((_record, { text }) => text === 'ready')
        const seen = await steps(container)
        return { seen, stdout: container.lines('stdout'), stderr: container.lines('stderr') }
      }),
    ) as Promise<[Seen<T>, Seen<T>]>

  t.test('the boot line appears with the two lines, and nothing without them', async t => {
    const watched = await start(t, guarded, { args: ['-m', '512m'] })
    const { record } = await watched.booted()
    t.match(record, { level: 'info', verdict: 'fits', containerMemoryMB: 512, containerMemorySource: /^cgroup-v[12]$/ })
    const plain = await start(t, without, { args: ['-m', '512m', '--env=HANDLES_SIGTERM=1'] })
    await plain.said((_record, { text }) => text === 'ready')
    await plain.stop()
    t.same(plain.lines('stderr'), [])
  })

  for (const [name, args, steps, want] of [
    [
      'answers',
      ['--env=HANDLES_SIGTERM=1'],
      async (container: Container) => {
        const { status, headers, body } = await container.fetch('/any')
        return { status, type: headers.get('content-type'), body: body.toString() }
      },
      { status: 200, type: 'application/json', body: /"url":"\/any"/ },
    ],
    [
      'ends in its own exit code on docker stop',
      ['--env=HANDLES_SIGTERM=1'],
      async (container: Container) => {
        const { code, oomKilled, tookMs } = await container.stop()
        return { code, oomKilled, isAtOnce: tookMs < 1000 }
      },
      { code: 3, oomKilled: false, isAtOnce: true },
    ],
    [
      'is killed after the grace period where it does not handle SIGTERM',
      [],
      async (container: Container) => {
        const { code, oomKilled, tookMs } = await container.stop(1)
        return { code, oomKilled, isAfterGrace: tookMs >= 1000 }
      },
      { code: 137, oomKilled: false, isAfterGrace: true },
    ],
    [
      'dies of its own uncaught error',
      [],
      async (container: Container) => {
        const { status, body } = await container.fetch('/crash')
        return { status, body: body.toString(), ...(await container.ended()) }
      },
      { status: 200, body: 'crashing\n', code: 1, oomKilled: false },
    ],
  ] as const) {
    t.test(`with and without the two lines the app ${name}`, async t => {
      const [plain, watched] = await both<unknown>(t, args, steps)
      t.match(plain.seen, want)
      t.same(watched.seen, plain.seen)
      t.same(watched.stdout, plain.stdout, 'the same stdout')
      const own = watched.stderr.filter(line => !line.includes('"name":"heapguard"'))
      t.same(own, plain.stderr, 'the same stderr, but for the guard’s lines')
    })
  }
}

type Seen<T> = { seen: T; stdout: string[]; stderr: string[] }
