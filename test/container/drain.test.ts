// HEAPGUARD_ON_CRITICAL=sigterm under a real limit: the app's own shutdown comes before the kernel's kill. By default one
// major, HEAPGUARD_TEST_FULL all of them.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, recordsIn } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '24')).split(/[\s,]+/)

const missing = await whyNoDocker(majors)
if (missing) t.pass('drain', { skip: missing })
else {
  t.jobs = 2
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  for (const major of majors)
    for (const isPid1 of [true, false])
      for (const [onCritical, want] of [
        ['sigterm', { code: 7, oomKilled: false }],
        ['log', { code: 137, oomKilled: true }],
      ] as const)
        t.test(`Node ${major}, ${isPid1 ? 'PID 1' : 'not PID 1'}, ${onCritical}: ends with ${want.code}`, async t => {
          const container = await start(t, baseImage(major), {
            args: [
              ...['--network=none', '-m', '192m', '--memory-swap', '192m', ...(isPid1 ? [] : ['--init'])],
              ...['--volume', `${heapguard}:/opt/heapguard:ro`],
              ...['--volume', `${join(root, 'test/fixtures/deaths')}:/leak:ro`],
              ...['--env', `HEAPGUARD_ON_CRITICAL=${onCritical}`],
              ...['--env', 'NODE_OPTIONS=--max-old-space-size=96 --require /opt/heapguard/preload.js'],
            ],
            command: ['node', '/leak/drains.cjs', 'buffers', '15'],
          })
          t.strictSame(await container.ended(), want)
          t.equal(container.lines('stdout').includes('drained'), onCritical === 'sigterm')
          const said = recordsIn(container.lines('stderr').join('\n'))
          const drained = said.filter(({ event }) => event === 'draining')
          t.equal(drained.length, onCritical === 'sigterm' ? 1 : 0)
          t.comment(said.map(({ event, rung, containerRatio }) => [event, rung, containerRatio].join(' ')).join(', '))
        })
}
