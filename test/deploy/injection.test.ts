// The injection, for real: a container that fills a volume, then an app that has never heard of the guard.
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { build, docker, root, start, whyNoDocker } from '../container/docker.ts'

const skip = (await whyNoDocker()) ?? false

/** What the manifests ask of both containers. */
const HARDENED = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']
const NODE_OPTIONS = '--env=NODE_OPTIONS=--max-old-space-size=384 --require /opt/heapguard/preload.js'

for (const [name, owner] of [
  ['a volume that any user may write, as an emptyDir is', 'anybody'],
  ['a fresh named volume, which takes over what the image says', 'image'],
] as const)
  t.test(name, { skip }, async t => {
    const init = await build(t, `init-${owner}`, root, ['--target', 'heapguard-init'])
    const app = await build(t, `theirs-${owner}`, 'test/fixtures/foreign-app')
    const [guard, evidence] = ['guard', 'evidence'].map(what => `heapguard-test-${what}-${owner}-${process.pid}`) as [
      string,
      string,
    ]
    t.teardown(() => docker('volume', 'rm', guard, evidence))
    if (owner === 'anybody')
      for (const volume of [guard, evidence])
        await docker('run', '--rm', '--volume', `${volume}:/v`, app, 'chmod', '1777', '/v')
    const volumes = [`--volume=${guard}:/heapguard`, `--volume=${evidence}:/evidence`]
    await docker('run', '--rm', '--network=none', '-m', '32m', ...HARDENED, ...volumes, init)

    const container = await start(t, app, {
      args: [
        ...HARDENED,
        '--user=4711',
        '-m',
        '512m',
        NODE_OPTIONS,
        '--env=HEAPGUARD_DIR=/var/lib/heapguard',
        '--env=HANDLES_SIGTERM=1',
        `--volume=${guard}:/opt/heapguard:ro`,
        `--volume=${evidence}:/var/lib/heapguard`,
      ],
    })
    await container.said((_record, { text }) => text === 'ready')
    const { record } = await container.booted()
    t.match(record, { verdict: 'fits', containerMemoryMB: 512, heapCeilingMB: 384, isPid1: true })
    const doctor = ['exec', container.id, 'node', '/opt/heapguard/heapguard.js', 'doctor', '--strict']
    t.match(execFileSync('docker', doctor, { encoding: 'utf8' }), /IT FITS/)
    t.notMatch(container.lines('stderr').join('\n'), /evidence-problem|config-problem/)
    await docker('exec', container.id, 'sh', '-c', 'echo x > /var/lib/heapguard/x')
    t.match(await container.stop(), { code: 3 }, "the app's own exit code")
  })

t.test('without the files every node process ends with 1: so the volume is filled first', { skip }, async t => {
  const app = await build(t, 'theirs-alone', 'test/fixtures/foreign-app')
  t.match(await docker('run', '--rm', NODE_OPTIONS, app).catch(String), /Cannot find module '\/opt\/heapguard\/preload/)
})
