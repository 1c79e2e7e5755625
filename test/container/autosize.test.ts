// HEAPGUARD_AUTOSIZE under real limits: as PID 1, with what a Dockerfile starts.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordsIn } from '../preload/node.ts'
import { baseImage, docker, root, start, whyNoDocker } from './docker.ts'

const IS_FULL = Boolean(process.env.HEAPGUARD_TEST_FULL)
const MAJORS = IS_FULL ? ['20', '22', '24', '26'] : ['20', '24', '26']
const SIZES_MB = [128, 160, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192]
/** The extremes and one between on one version, one size on the others; all of all where there is time. */
const isAsked = (sizeMB: number, major: string): boolean =>
  IS_FULL || (major === '24' ? [128, 512, 8192].includes(sizeMB) : sizeMB === 256)

const skip = (await whyNoDocker(MAJORS)) ?? false
t.jobs = 2

interface End {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(
  t: Test,
  major: string,
  sizeMB: number,
  nodeOptions: string,
  command: readonly string[],
  args: readonly string[] = [],
): Promise<End> {
  const container = await start(t, baseImage(major), {
    command,
    args: [
      ...['-m', `${sizeMB}m`, '-v', `${join(root, 'dist')}:/opt/heapguard:ro`, '-e', 'HEAPGUARD_AUTOSIZE=on'],
      ...['-e', `NODE_OPTIONS=${nodeOptions} --require /opt/heapguard/preload.js`, ...args],
    ],
  })
  const { code } = await container.ended()
  return { code, stdout: container.lines('stdout').join('\n'), stderr: container.lines('stderr').join('\n') }
}

const PRINT =
  'console.log(JSON.stringify([process.pid, v8.getHeapStatistics().heap_size_limit / 1048576, process.env.HEAPGUARD_RESIZED ?? "no marker"]))'

for (const major of MAJORS)
  for (const sizeMB of SIZES_MB.filter(size => isAsked(size, major)))
    for (const [name, nodeOptions] of [
      ['a heap as large as the container', `--max-old-space-size=${sizeMB}`],
      ['no flag', ''],
    ] as const)
      t.test(`Node ${major}, ${sizeMB} MB, ${name}`, { skip }, async t => {
        const { code, stdout, stderr } = await run(t, major, sizeMB, nodeOptions, ['node', '-e', PRINT])
        t.equal(code, 0, stderr)
        const [pid, limitMB, marker] = JSON.parse(stdout) as [number, number, string]
        t.strictSame([pid, marker], [1, 'no marker'])
        const records = recordsIn(stderr)
        const validated = records.find(({ event }) => event === 'heap-validated')
        if (major === '20') {
          t.notOk(records.some(({ event }) => event === 'resized'))
          const cannot = records.filter(({ event }) => event === 'evidence-problem')
          t.equal(cannot.length, validated?.verdict === 'fits' ? 0 : 1)
          if (cannot.length > 0) t.match(cannot[0], { what: 'autosize', reason: /has no process\.execve/ })
          return
        }
        const [first] = records
        // Where V8's own choice fits, there is nothing to do.
        if (nodeOptions === '' && first?.event !== 'resized')
          return t.match(first, { event: 'heap-validated', verdict: 'fits' }, `${limitMB} MB`)
        t.match(first, { event: 'resized', heapLimitMB: Math.round(limitMB * 10) / 10 })
        t.match(validated, { verdict: 'fits', isPid1: true })
        t.ok((validated?.heapLimitRatio as number) <= 0.85)
        t.equal(records.filter(({ event }) => event === 'heap-validated').length, 1)
        const spareMB = sizeMB - limitMB
        t.ok(spareMB >= 64, `${limitMB} MB of ${sizeMB}`)
        t.comment(`${first?.fromMB} -> ${limitMB} MB, ${first?.remedy}`)
      })

const SCRIPT =
  'process.on("SIGTERM", () => process.exit(7)); console.log("ready", process.pid); setInterval(() => {}, 1e6)'
const TOO_MUCH = '--max-old-space-size=900'

for (const [name, command] of [
  ['a script from standard input', ['sh', '-c', `echo '${SCRIPT}' | exec node`]],
  ['an ES module', ['sh', '-c', `echo '${SCRIPT}' > /tmp/app.mjs; exec node /tmp/app.mjs`]],
  ['a shell that waits in front', ['sh', '-c', `node -e '${SCRIPT}' & wait; exit`]],
  ['--inspect', ['node', '--inspect=0.0.0.0:9229', '-e', SCRIPT]],
  [
    'npm in front',
    [
      'sh',
      '-c',
      `mkdir /tmp/app && cd /tmp/app && echo '${SCRIPT}' > app.js && echo '{"scripts":{"start":"node app.js"}}' > package.json && exec npm start`,
    ],
  ],
] as const)
  t.test(`Node 24, ${name}: runs with the heap that fits`, { skip }, async t => {
    const container = await start(t, baseImage('24'), {
      command,
      args: [
        ...['-m', '512m', '-v', `${join(root, 'dist')}:/opt/heapguard:ro`, '-e', 'HEAPGUARD_AUTOSIZE=on'],
        ...['-e', `NODE_OPTIONS=${TOO_MUCH} --require /opt/heapguard/preload.js`],
      ],
    })
    await container.said((_, { text }) => text.startsWith('ready'))
    const records = recordsIn(container.lines('stderr').join('\n'))
    t.match(records.slice(0, 2), [
      { event: 'resized', remedy: '--max-old-space-size=384' },
      { event: 'heap-validated', verdict: 'fits' },
    ])
    t.equal(records.filter(({ event }) => event === 'resized').length, 1, 'once')
    await docker('kill', container.id)
  })

t.test('SIGTERM reaches the app that was started again as PID 1', { skip }, async t => {
  const container = await start(t, baseImage('24'), {
    command: ['node', '-e', SCRIPT],
    args: [
      ...['-m', '512m', '-v', `${join(root, 'dist')}:/opt/heapguard:ro`, '-e', 'HEAPGUARD_AUTOSIZE=on'],
      ...['-e', `NODE_OPTIONS=${TOO_MUCH} --require /opt/heapguard/preload.js`],
    ],
  })
  await container.said((_, { text }) => text === 'ready 1')
  t.match(await container.stop(), { code: 7 })
  t.ok(recordsIn(container.lines('stderr').join('\n')).some(({ event }) => event === 'signal'))
})

t.test('a leak ends with V8’s own message, where without it the kernel would have killed', { skip }, async t => {
  const leak = 'const kept = []; setInterval(() => { for (let n = 0; n < 2e5; n++) kept.push({ n }) }, 5)'
  const { code, stderr } = await run(t, '24', 256, TOO_MUCH, ['node', '-e', leak])
  t.not(code, 137)
  t.match(stderr, /FATAL ERROR: .*heap/)
  const without = await run(t, '24', 256, TOO_MUCH, ['node', '-e', leak], ['-e', 'HEAPGUARD_AUTOSIZE=off'])
  t.equal(without.code, 137)
})
