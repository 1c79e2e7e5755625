import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { baseImage, build, docker, type LogRecord, output, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '24')).split(/[\s,]+/)

const withHeap = (mb: number) => [
  '--env',
  `NODE_OPTIONS=--max-old-space-size=${mb} --require /opt/heapguard/preload.js`,
]
const isListening = ({ event }: LogRecord) => event === 'listening'

t.test('the Dockerfile sets NODE_OPTIONS once, after the guard is there, and runs nothing after that', async t => {
  const instructions = readFileSync(path.join(root, 'Dockerfile'), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter(line => /^[A-Z]/.test(line))
  const set = instructions.findIndex(line => line.includes('NODE_OPTIONS'))
  t.match(instructions[set], /^ENV NODE_OPTIONS=/)
  t.equal(instructions.filter(line => line.includes('NODE_OPTIONS')).length, 1)
  t.equal(instructions[set - 1], 'COPY --from=heapguard /opt/heapguard /opt/heapguard')
  t.same(
    instructions.slice(set).filter(line => /^(RUN|FROM)/.test(line)),
    [],
  )
})

const missing = await whyNoDocker([...new Set(['24', ...majors])])
if (missing) t.pass('the image in containers', { skip: missing })
else await containerTests()

async function containerTests() {
  const image = await build(t, 'image', root)

  t.test('with -m 512m the boot line says so, and that the heap fits, before the server listens', async t => {
    const container = await start(t, image, { args: ['-m', '512m'] })
    const listening = await container.said(isListening)
    const boot = await container.booted()
    t.match(boot.record, { level: 'info', containerMemoryMB: 512, containerMemorySource: /^cgroup-v[12]$/ })
    t.match(boot.record, { verdict: 'fits', heapCeilingMB: 384, heapCeilingSource: 'flag', isPid1: true })
    t.match(boot.record, { nodeVersion: /^v24\./ })
    t.ok((boot.record.heapLimitMB as number) <= 0.85 * 512, `${boot.record.heapLimitMB} MB`)
    t.equal(container.lines('stderr')[0], boot.text, 'it is the first line on stderr')
    t.ok(boot.at < listening.at, `${boot.at} < ${listening.at}`)
    t.equal(listening.stream, 'stdout')
    t.same(
      container.lines('stdout').filter(line => line.includes('heapguard')),
      [],
      'stdout is the app’s alone',
    )
  })

  t.test('docker stop ends in the app’s own exit code, in under a second', async t => {
    const container = await start(t, image, { args: ['-m', '512m'] })
    await container.said(isListening)
    t.equal((await container.fetch('/thumbnails/a')).status, 200)
    const { code, oomKilled, tookMs } = await container.stop()
    t.same({ code, oomKilled }, { code: 0, oomKilled: false })
    t.ok(tookMs >= 0 && tookMs < 1000, `${tookMs} ms`)
    t.match(await container.said(({ event }) => event === 'draining'), { stream: 'stdout' })
    t.match(await container.said(({ event }) => event === 'stopped'), { stream: 'stdout' })
  })

  t.test(
    '400 who ask for the largest pictures at once in 512 MB: most are told to come again, and it lives',
    async t => {
      const container = await start(t, image, { args: ['-m', '512m'] })
      await container.said(isListening)
      const [address = ''] = (await docker('port', container.id)).split('\n').map(line => line.split(' -> ')[1])
      const url = `http://${address.replace('0.0.0.0', '127.0.0.1')}/thumbnails`
      const leave = new AbortController()
      const statuses: number[] = []
      const answered = await new Promise(resolve => {
        for (let n = 0; n < 400; n++)
          fetch(`${url}/${n}?size=1024`, { signal: leave.signal }).then(({ status }) => {
            statuses.push(status)
            // 102 are served or wait, and for the others nothing is drawn.
            if (statuses.filter(status => status === 503).length === 250) resolve('503 for 250')
          }, resolve)
      })
      t.equal(answered, '503 for 250')
      t.match(JSON.parse((await container.fetch('/healthz')).body.toString()), { drawing: { running: 2 } })
      leave.abort()
      const { code, oomKilled } = await container.stop()
      t.same({ code, oomKilled }, { code: 0, oomKilled: false }, 'and nothing is drawn for those who have gone')
      t.same(
        container.lines('stdout').filter(line => line.includes('"level":"error"')),
        [],
      )
    },
  )

  for (const [name, args, want] of [
    ['the last heap that fits in 512 MB', ['-m', '512m', ...withHeap(432)], { level: 'info', verdict: 'fits' }],
    ['a heap of 460 MB in 512 MB', ['-m', '512m', ...withHeap(460)], { level: 'warn', verdict: 'exceeds' }],
    ['the image’s own 384 MB in 256 MB', ['-m', '256m'], { level: 'warn', verdict: 'exceeds' }],
    ['the image’s own 384 MB in 1024 MB', ['-m', '1g'], { level: 'info', verdict: 'fits' }],
  ] as const) {
    t.test(`${name} is judged ${want.verdict}`, async t => {
      const container = await start(t, image, { args })
      const { record } = await container.booted()
      t.match(record, { ...want, containerMemorySource: /^cgroup-v[12]$/ })
      if (want.verdict === 'exceeds') {
        t.match(record.msg, /85 ?%/, 'the line that was crossed')
        t.match(record.msg, /--max-old-space-size=\d+/, 'what to set instead')
        t.match(record.remedy, /^--max-old-space-size=\d+/)
      }
      t.ok(await container.said(isListening), 'and the app runs')
    })
  }

  t.test('a read-only root with a tmpfs for the cache serves, and caches', async t => {
    const container = await start(t, image, { args: ['-m', '512m', '--read-only', '--tmpfs', '/cache'] })
    await container.said(isListening)
    t.equal((await container.fetch('/thumbnails/a')).headers.get('x-cache'), 'miss')
    t.equal((await container.fetch('/thumbnails/a')).headers.get('x-cache'), 'hit')
    t.match(JSON.parse((await container.fetch('/healthz')).body.toString()), { cache: { state: 'on', entries: 1 } })
    t.match(await container.exec('stat', '-f', '-c', '%T', '/cache'), 'tmpfs')
    await t.rejects(container.exec('touch', '/app/x'), /Read-only file system/)
    t.match(await container.stop(), { code: 0 })
  })

  t.test('a read-only root alone serves without a cache', async t => {
    const container = await start(t, image, { args: ['-m', '512m', '--read-only'] })
    t.match((await container.said(({ event }) => event === 'cache-off')).record.msg, /EROFS/)
    await container.said(isListening)
    t.equal((await container.fetch('/thumbnails/a')).status, 200)
    await container.booted()
  })

  for (const [name, args, uid] of [
    ['the user node', [], '1000'],
    ['any other', ['--user', '4711:4711'], '4711'],
  ] as const) {
    t.test(`it runs as ${name}, who can write the cache and nothing of the app or the guard`, async t => {
      const container = await start(t, image, { args: [...args] })
      await container.said(isListening)
      await container.booted()
      t.match(await container.exec('cat', '/proc/1/status'), new RegExp(`^Uid:\\s${uid}\\s${uid}\\s`, 'm'))
      await container.fetch('/thumbnails/a')
      t.equal((await container.fetch('/thumbnails/a')).headers.get('x-cache'), 'hit')
      const writable = await container.exec('find', '/app', '/opt', '-writable', '-not', '-type', 'l')
      t.equal(writable, '')
    })
  }

  t.test('its HEALTHCHECK says healthy, and unhealthy where nothing answers', async t => {
    // 0s would mean the Dockerfile's own.
    const often = ['--health-interval=1s', '--health-start-period=1ms', '--health-retries=1']
    const [well, unwell] = await Promise.all([
      start(t, image, { args: ['-m', '512m', ...often] }),
      start(t, image, { args: ['-m', '512m', ...often], command: ['sleep', '60'] }),
    ])
    t.equal(await well.health(), 'healthy')
    t.equal(await unwell.health(), 'unhealthy')
  })

  t.test('it holds no development dependency, and the runtime ones that the lock file names', async t => {
    const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
    const tools = ['typescript', 'esbuild', 'tap', '@biomejs', '@types']
    for (const tool of tools)
      t.ok(
        Object.keys(devDependencies).some(name => name.startsWith(tool)),
        `${tool} is one`,
      )
    const anyOf = tools.flatMap(name => ['-o', '-path', `*/node_modules/${name}`]).slice(1)
    t.equal(await output(image, ['find', '/', '-xdev', ...anyOf], ['--user', 'root']), '')

    const lock = JSON.parse(readFileSync(path.join(root, 'app/package-lock.json'), 'utf8'))
    const locked = Object.entries<{ dev?: boolean }>(lock.packages).filter(([name, { dev }]) => name !== '' && !dev)
    const manifests = locked.map(([name]) => `/app/${name}/package.json`)
    t.equal(await output(image, ['ls', ...manifests]), manifests.sort().join('\n'))
  })

  t.test('the heapguard stage is one layer with /opt/heapguard, and nothing else', async t => {
    const guard = await build(t, 'guard', root, ['--target', 'heapguard'])
    const folder = t.testdir()
    await docker('save', '--output', path.join(folder, 'guard.tar'), guard)
    const tar = (...args: string[]) => execFileSync('tar', args, { cwd: folder, encoding: 'utf8' })
    tar('-xf', 'guard.tar')
    const [{ Layers: layers }] = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'))
    t.equal(layers.length, 1)
    const names = tar('-tf', layers[0]).trim().split('\n')
    t.same(
      names.filter(name => !/^opt\/(heapguard\/.*)?$/.test(name)),
      [],
    )
    for (const name of ['preload.js', 'package.json', 'node_modules/heapguard/preload.js']) {
      t.ok(names.includes(`opt/heapguard/${name}`), name)
    }
    tar('-xf', layers[0])
    const manifest = JSON.parse(readFileSync(path.join(folder, 'opt/heapguard/package.json'), 'utf8'))
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
    t.match(manifest, { type: 'commonjs', version })
  })

  t.test('the link and what it leads to survive COPY --from, and every user can read them', async t => {
    const guard = '/opt/heapguard'
    t.equal(await output(image, ['readlink', `${guard}/preload.js`]), 'node_modules/heapguard/preload.js')
    const files = await output(image, ['find', guard, '-type', 'f', '-printf', '%m %P\n'])
    t.match(files, /^644 node_modules\/heapguard\/preload\.js$/m)
    // The command line is the only file that can be run by its name.
    t.notMatch(files, /^(?!644 |755 node_modules\/heapguard\/heapguard\.js$)/m)
    // A package.json above that says "module" would make the file an ES module, and each start an error.
    const script = `echo '{"type":"module"}' > /package.json; cp /package.json /opt/; node -p 'typeof 1'`
    t.equal(await output(image, ['sh', '-c', script], ['--user', 'root']), 'number')
  })

  for (const major of majors) {
    t.test(`on Node ${major} it boots, serves and stops in the same way`, async t => testMajor(t, major))
  }
}

async function testMajor(t: Test, major: string) {
  const image = await build(t, `node-${major}`, root, ['--build-arg', `NODE_IMAGE=${baseImage(major)}`])
  const container = await start(t, image, { args: ['-m', '512m', '--read-only', '--tmpfs', '/cache'] })
  const listening = await container.said(isListening)
  const boot = await container.booted()
  t.match(boot.record, { level: 'info', verdict: 'fits', containerMemoryMB: 512 })
  t.match(boot.record, { nodeVersion: new RegExp(`^v${major}\\.`), containerMemorySource: /^cgroup-v[12]$/ })
  t.ok(boot.at < listening.at)
  t.equal((await container.fetch('/thumbnails/a')).headers.get('x-cache'), 'miss')
  t.equal((await container.fetch('/thumbnails/a')).headers.get('x-cache'), 'hit')
  const { code, tookMs } = await container.stop()
  t.equal(code, 0)
  t.ok(tookMs < 1000, `${tookMs} ms`)
}
