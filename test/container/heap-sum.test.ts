// Workers and child processes each bring a whole heap limit: said once, when together they first exceed the container.
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '20 24')).split(/[\s,]+/)

const missing = await whyNoDocker(majors)
if (missing) t.pass('heaps that add up', { skip: missing })
else
  for (const major of majors)
    for (const [name, memory, script, want] of [
      [
        'two workers, made at once, under a flag that wins over their own limit',
        '512m',
        `const { Worker } = require('worker_threads')
         for (let i = 0; i < 2; i++) new Worker('setInterval(() => {}, 1000)', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 9 } })`,
        { isolates: 3, processes: 1, heapLimitSumMB: 609, containerMemoryMB: 512 },
      ],
      [
        'two workers that fit',
        '1g',
        `const { Worker } = require('worker_threads'); for (let i = 0; i < 2; i++) new Worker('setInterval(() => {}, 1000)', { eval: true })`,
        undefined,
      ],
      [
        'three children: the parent alone says it',
        '512m',
        `const { spawn } = require('child_process'); for (let i = 0; i < 3; i++) spawn('node', ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })`,
        { isolates: 4, processes: 4, heapLimitSumMB: 812 },
      ],
    ] as const)
      t.test(`Node ${major}: ${name}`, t => heapSum(t, major, memory, script, want))

if (!missing)
  for (const major of majors)
    t.test(
      `Node ${major}: an app that begins to listen for a signal at that record has one guard, not two`,
      async t => {
        const heapguard = emptyFolder()
        cpSync(join(root, 'dist'), heapguard, { recursive: true })
        const script = `require('diagnostics_channel').subscribe('heapguard:record', () => process.once('SIGTERM', () => {}))
        new (require('worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true })
        setTimeout(() => process.exit(5), 3000)`
        const app = emptyFolder()
        writeFileSync(join(app, 'app.js'), script)
        // A quiet start: one heap flag, and no script of the guard's own folder.
        const options = '--max-old-space-size=384 --require /opt/heapguard/preload.js'
        const container = await start(t, baseImage(major), {
          args: [
            ...['-m', '700m', '--network=none', '--env', `NODE_OPTIONS=${options}`],
            ...['--volume', `${heapguard}:/opt/heapguard:ro`, '--volume', `${app}:/app:ro`],
          ],
          // Not as PID 1: there the guard is whole before the first look.
          command: ['sh', '-c', 'node /app/app.js; echo "$?"'],
        })
        // stdout and stderr come apart: only at the end is all of both there.
        await container.ended()
        t.ok(
          container.log.some(({ text }) => text === '5'),
          'the app ended as it meant to',
        )
        t.strictSame(
          container.log.filter(({ text }) => text.startsWith('{')).map(({ text }) => JSON.parse(text).event),
          ['heap-validated', 'heap-sum', 'shutdown'],
        )
      },
    )

if (!missing)
  for (const major of majors)
    t.test(`Node ${major}: a health check is no heap of the container's`, async t => {
      const heapguard = emptyFolder()
      cpSync(join(root, 'dist'), heapguard, { recursive: true })
      const container = await start(t, baseImage(major), {
        args: [
          ...['-m', '512m', '--network=none', '--volume', `${heapguard}:/opt/heapguard:ro`],
          ...['--env=NODE_OPTIONS=--max-old-space-size=384 --require /opt/heapguard/preload.js'],
          '--env=HEAPGUARD_INTERVAL_MS=200',
          // It is there at nearly every look, and older than a probe should be.
          ...['--health-cmd', "node -e 'setTimeout(() => {}, 3000)'", '--health-interval=100ms'],
        ],
        command: ['node', '-e', 'setInterval(() => {}, 1000)'],
      })
      const lines = (): number => container.log.filter(({ text }) => text.includes('"event":"memory"')).length
      await container.said(() => lines() >= 40)
      t.equal((await container.inspect('{{.State.Health.Status}}')).trim(), 'healthy', 'it ran')
      t.strictSame(
        container.lines('stderr').filter(line => /"level":"(warn|error)"/.test(line)),
        [],
      )
    })

async function heapSum(t: Test, major: string, memory: string, script: string, want: object | undefined) {
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  const options = '--max-old-space-size=200 --max-semi-space-size=1 --require /opt/heapguard/preload.js'
  const container = await start(t, baseImage(major), {
    args: [
      ...['-m', memory, '--network=none', '--volume', `${heapguard}:/opt/heapguard:ro`],
      ...['--env', `NODE_OPTIONS=${options}`, '--env=HEAPGUARD_PULSE_MS=200', '--env=HEAPGUARD_INTERVAL_MS=1000'],
    ],
    command: ['node', '-e', `${script}; setInterval(() => {}, 1000)`],
  })
  // By its third line each process has looked three times with all the others there.
  const lines = (): number => container.log.filter(({ text }) => text.includes('"event":"memory"')).length
  await container.said(
    () => lines() >= 12 || (want === undefined && lines() >= 3) || (script.includes('Worker') && lines() >= 3),
  )
  const said = container.log
    .filter(({ text }) => text.includes('"event":"heap-sum"'))
    .map(({ text }) => JSON.parse(text))
  if (want === undefined) t.strictSame(said, [])
  else t.match(said, [{ level: 'warn', pid: 1, ...want }])
  t.equal(said.length, want === undefined ? 0 : 1)
}
