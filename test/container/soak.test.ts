// No false alarm: a healthy service at 60 to 80 % of its limits, with sharp garbage, a cache that warms, bursts and heavy
// file I/O, for HEAPGUARD_SOAK_S seconds (by default 600): not one pressure line. Only under HEAPGUARD_TEST_FULL.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS, HEAPGUARD_SOAK_S = '600' } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || '20 24').split(/[\s,]+/)
const missing = HEAPGUARD_TEST_FULL ? await whyNoDocker(majors) : 'only with HEAPGUARD_TEST_FULL'

t.jobs = 2
if (missing) t.pass('a healthy service', { skip: missing })
else {
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  for (const major of majors)
    t.test(`Node ${major}: a healthy service raises no pressure`, async t => {
      const container = await start(t, baseImage(major), {
        args: [
          ...['--network=none', '-m', '400m', '--memory-swap', '400m'],
          ...[
            '--volume',
            `${heapguard}:/opt/heapguard:ro`,
            '--volume',
            `${join(root, 'test/fixtures/deaths')}:/app:ro`,
          ],
          ...['--env', 'NODE_OPTIONS=--max-old-space-size=256 --require /opt/heapguard/preload.js'],
          ...['--env', 'HEAPGUARD_INTERVAL_MS=1000'],
        ],
        command: ['node', '/app/healthy.cjs', HEAPGUARD_SOAK_S],
      })
      const { code } = await container.ended()
      const lines = container.lines('stderr')
      const samples = lines.filter(line => line.includes('"event":"memory"')).map(line => JSON.parse(line))
      const most = (key: string) => Math.max(...samples.map(sample => sample[key] ?? 0))
      t.comment(
        `Node ${major}: ${samples.length} s, heap up to ${most('heapUsedRatio')}, container up to ${most('containerRatio')}`,
      )
      t.equal(code, 0)
      t.ok(most('heapUsedRatio') > 0.6 && most('containerRatio') > 0.6, 'it was no idle process')
      t.strictSame(
        lines.filter(line => line.includes('"event":"pressure')),
        [],
      )
    })
}
