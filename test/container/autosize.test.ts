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

/** An app that lives, in 512 MB. */
const living = (
  t: Test,
  major: string,
  nodeOptions: string,
  command: readonly string[],
  args: readonly string[] = [],
) =>
  start(t, baseImage(major), {
    command,
    args: [
      ...['-m', '512m', '-v', `${join(root, 'dist')}:/opt/heapguard:ro`, '-e', 'HEAPGUARD_AUTOSIZE=on'],
      ...['-e', `NODE_OPTIONS=${nodeOptions} --require /opt/heapguard/preload.js`, ...args],
    ],
  })

const COMMANDS: readonly (readonly [
  name: string,
  command: readonly string[],
  isPid1: boolean,
  args?: readonly string[],
])[] = [
  ['-e', ['node', '-e', SCRIPT], true],
  ['a script from standard input', ['sh', '-c', `echo '${SCRIPT}' > /tmp/app.js; exec node < /tmp/app.js`], true],
  ['a script from a pipe', ['sh', '-c', `echo '${SCRIPT}' | node; exit`], false],
  ['an ES module', ['sh', '-c', `echo '${SCRIPT}' > /tmp/app.mjs; exec node /tmp/app.mjs`], true],
  ['a shell that waits in front', ['sh', '-c', `node -e '${SCRIPT}' & wait; exit`], false],
  ['an init in front', ['node', '-e', SCRIPT], false, ['--init']],
  ['--inspect', ['node', '--inspect=0.0.0.0:9229', '-e', SCRIPT], true],
  [
    'npm in front',
    [
      'sh',
      '-c',
      `mkdir /tmp/app && cd /tmp/app && echo '${SCRIPT}' > app.js && echo '{"scripts":{"start":"node app.js"}}' > package.json && exec npm start`,
    ],
    false,
  ],
]
/** What happens to each: all of it on one version, all of all where there is time. */
const commandMajors = IS_FULL ? MAJORS : ['24']

for (const major of commandMajors)
  for (const [name, command, isPid1, args] of COMMANDS)
    t.test(
      `Node ${major}, ${name}: ${major === '20' ? 'runs, and one line says why it stays as it is' : 'runs with the heap that fits'}`,
      { skip },
      async t => {
        const container = await living(t, major, TOO_MUCH, command, args)
        const { text } = await container.said((_, { text }) => text.startsWith('ready'))
        t.equal(text === 'ready 1', isPid1, text)
        await container.booted()
        const records = recordsIn(container.lines('stderr').join('\n'))
        const [first, second] = records
        t.match(second, { event: 'heap-validated', isPid1 })
        if (major === '20') {
          t.match(first, { event: 'evidence-problem', what: 'autosize', reason: /has no process\.execve/ })
          t.equal(records.filter(({ event }) => event === 'evidence-problem').length, 1)
        } else {
          t.match(first, { event: 'resized', remedy: /^--max-old-space-size=384\b/ })
          t.match(second, { verdict: 'fits' })
          t.equal(records.filter(({ event }) => event === 'resized').length, 1, 'once')
        }
        await docker('kill', container.id)
      },
    )

const CLUSTER = `
const cluster = require("node:cluster")
console.log("limit", require("node:v8").getHeapStatistics().heap_size_limit / 1048576)
if (cluster.isPrimary) for (let n = 0; n < 2; n++) cluster.fork()
`
for (const major of commandMajors) {
  t.test(`Node ${major}, a heap of the operator’s that fits stays`, { skip }, async t => {
    const { code, stdout, stderr } = await run(t, major, 512, '--max-old-space-size=300', ['node', '-e', PRINT])
    t.equal(code, 0)
    const [pid, limitMB] = JSON.parse(stdout) as [number, number]
    t.equal(pid, 1)
    t.ok(limitMB >= 300 && limitMB < 330, `${limitMB} MB`)
    t.match(recordsIn(stderr)[0], { event: 'heap-validated', verdict: 'fits' })
    t.notOk(recordsIn(stderr).some(({ event }) => event === 'resized' || event === 'evidence-problem'))
  })

  t.test(
    `Node ${major}, a cluster: its workers have an IPC channel, and the heap of their parent`,
    { skip: skip || (major === '20' ? 'this Node has no process.execve' : false) },
    async t => {
      const container = await living(t, major, TOO_MUCH, [
        'sh',
        '-c',
        `echo '${CLUSTER}' > /tmp/app.js; exec node /tmp/app.js`,
      ])
      await container.said(() => container.lines('stdout').length === 3)
      await container.booted()
      const limits = container.lines('stdout').map(text => Number(text.split(' ')[1]))
      for (const limitMB of limits) t.ok(limitMB < 440, `${limitMB} MB`)
      const records = recordsIn(container.lines('stderr').join('\n'))
      t.strictSame(
        records.filter(({ event }) => event === 'resized' || event === 'evidence-problem').map(({ event }) => event),
        ['resized'],
        'once, and nobody says that it cannot',
      )
      await docker('kill', container.id)
    },
  )
}

t.test('SIGTERM reaches the app that was started again as PID 1', { skip }, async t => {
  const container = await living(t, '24', TOO_MUCH, ['node', '-e', SCRIPT])
  await container.said((_, { text }) => text === 'ready 1')
  t.match(await container.stop(), { code: 7 })
  t.ok(recordsIn(container.lines('stderr').join('\n')).some(({ event }) => event === 'signal'))
})

/** What apps keep: records. Millions of tiny objects in one array take V8 far over its limit while it marks: docs/sizing.md. */
const LEAK = `
const kept = []
setInterval(() => {
  for (let n = 0; n < 5e4; n++) kept.push({ n, name: "user " + n, tags: ["a", "b", n], at: new Date() })
}, 5)`
for (const major of commandMajors.filter(major => major !== '20'))
  for (const sizeMB of IS_FULL ? [128, 256, 512, 1024] : [256])
    t.test(
      `Node ${major}, ${sizeMB} MB: a leak ends with V8’s own message, where without it the kernel would have killed`,
      { skip },
      async t => {
        const tooMuch = `--max-old-space-size=${sizeMB * 4}`
        const { code, stderr } = await run(t, major, sizeMB, tooMuch, ['node', '-e', LEAK])
        t.not(code, 137)
        t.match(stderr, /FATAL ERROR: .*heap/)
        const without = await run(t, major, sizeMB, tooMuch, ['node', '-e', LEAK], ['-e', 'HEAPGUARD_AUTOSIZE=off'])
        t.equal(without.code, 137)
      },
    )
