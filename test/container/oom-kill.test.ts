// A child that the kernel kills before the guard has looked once: said all the same where the app is the container's first
// process, and by no other, which cannot know whether it was before its time.
import { join } from 'node:path'
import t from 'tap'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '24')).split(/[\s,]+/)
const missing = await whyNoDocker(majors)
const args = [
  ...['--network=none', '-m', '192m', '--volume', `${join(root, 'dist')}:/opt/heapguard:ro`],
  ...['--env', 'NODE_OPTIONS=--max-old-space-size=96 --require /opt/heapguard/preload.js'],
  ...['--env', 'HEAPGUARD_INTERVAL_MS=2000'],
]
const FILLS = "require('child_process').spawn('tail', ['/dev/zero'])"
const APP = `${FILLS}.on('exit', (code, signal) => { console.log('child', signal); setInterval(() => {}, 1000) })`

if (missing) t.pass('kills at the start in a container', { skip: missing })
else
  for (const major of majors) {
    t.test(`Node ${major}: PID 1, and the child fills the container at once`, async t => {
      const container = await start(t, baseImage(major), { args, command: ['node', '-e', APP] })
      await container.said((_, { text }) => text === 'child SIGKILL')
      const { record } = await container.said(({ event }) => event === 'oom-kill')
      t.match(record, { level: 'error', count: 1 })
      await container.said(({ event }) => event === 'memory')
      const kills = container.lines('stderr').filter(line => line.includes('"event":"oom-kill"'))
      t.equal(kills.length, 1, 'once')
    })

    t.test(`Node ${major}: a process of a container in which one was killed before`, async t => {
      const script = `tail /dev/zero; echo "before $?"; node -e "setTimeout(() => {}, 5000)"; echo over`
      const container = await start(t, baseImage(major), { args, command: ['sh', '-c', script] })
      await container.said((_, { text }) => text === 'over')
      t.match(container.lines('stdout'), ['before 137', 'over'])
      t.strictSame(
        container.lines('stderr').filter(line => line.includes('"event":"oom-kill"')),
        [],
      )
    })
  }
