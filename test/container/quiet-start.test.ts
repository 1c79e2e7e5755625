// In a real container with a real limit: PID 1, what a shell there starts, and what `docker exec` or a HEALTHCHECK starts
// need preload.js alone. It is the only file in its folder here: a start that wants another would say so.
import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, recordsIn, withoutRecords } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '20 24')).split(/[\s,]+/)
const BOTH = ['heap-validated', 'shutdown']
const APP = "require('fs').writeSync(2, 'own\\n'); process.exitCode = 5"

const missing = await whyNoDocker(majors)
if (missing) t.pass('quiet starts in a container', { skip: missing })
else for (const major of majors) quietStarts(major)

function quietStarts(major: string): void {
  const heapguard = emptyFolder()
  copyFileSync(join(root, 'dist/preload.js'), join(heapguard, 'preload.js'))
  writeFileSync(join(heapguard, 'package.json'), '{"type":"commonjs"}')
  chmodSync(heapguard, 0o755)

  const args = [
    ...['--network=none', '-m', '512m', '--volume', `${heapguard}:/opt/heapguard:ro`],
    ...['--env', 'NODE_OPTIONS=--max-old-space-size=384 --require /opt/heapguard/preload.js'],
  ]

  t.test(`Node ${major}: PID 1`, async t => {
    const container = await start(t, baseImage(major), { args, command: ['node', '-e', APP] })
    t.equal((await container.ended()).code, 5)
    const text = container.lines('stderr').join('\n')
    t.match(recordsIn(text), [{ event: 'heap-validated', isPid1: true, containerMemoryMB: 512 }, { event: 'shutdown' }])
    t.equal(withoutRecords(text), 'own')
  })

  t.test(`Node ${major}: under a shell, and by exec into the container`, async t => {
    const script = `node -e "${APP}"; echo "ended $?"; node -e 0 2>/dev/null; node -e 0 2>/tmp/log; wc -l </tmp/log; sleep 300`
    const container = await start(t, baseImage(major), { args, command: ['sh', '-c', script] })
    await container.said((_, { text }) => text === '2')
    const text = container.lines('stderr').join('\n')
    t.strictSame(
      recordsIn(text).map(({ event }) => event),
      BOTH,
    )
    t.equal(withoutRecords(text), 'own')
    t.strictSame(container.lines('stdout'), ['ended 5', '2'], 'a file has both lines')
    for (const shell of [[], ['sh', '-c', 'exec "$@"', 'sh']]) {
      const command = ['exec', container.id, ...shell, 'node', '-e', APP]
      const ended = await new Promise(done =>
        execFile('docker', command, (error, stdout, stderr) => done({ code: error?.code, stdout, stderr })),
      )
      t.strictSame(ended, { code: 5, stdout: '', stderr: 'own\n' }, 'not a word')
    }
  })
}
