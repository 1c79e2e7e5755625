// HEAPGUARD_WATCHDOG under real limits: what fills memory inside one turn of the event loop is explained before the end.
// By default two rows on one major; HEAPGUARD_TEST_FULL runs all of it.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, recordsIn } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const isFull = Boolean(HEAPGUARD_TEST_FULL)
const majors = (HEAPGUARD_TEST_MAJORS || (isFull ? '20 22 24 26' : '24')).split(/[\s,]+/)

interface Row {
  readonly way: string
  readonly mbPerS: number
  readonly resource: 'heap' | 'container'
  /** Those that are true. */
  readonly causes: readonly string[]
  readonly isQuick?: boolean
  /** It may be over before the first look. */
  readonly isHardToSee?: boolean
}

const ROWS: readonly Row[] = [
  { way: 'objects', mbPerS: 40, resource: 'heap', causes: ['heap'], isQuick: true },
  { way: 'objects', mbPerS: 200, resource: 'heap', causes: ['heap'] },
  // V8's protocol tells Buffers from other memory from Node 24 on; before that it is said that it cannot be told.
  { way: 'buffers', mbPerS: 40, resource: 'container', causes: ['buffers', 'unknown'], isQuick: true },
  { way: 'buffers', mbPerS: 200, resource: 'container', causes: ['buffers', 'unknown'] },
  // Inside one native call the main thread does not answer.
  { way: 'one huge allocation', mbPerS: 1, resource: 'container', causes: ['unknown'], isHardToSee: true },
]

const missing = await whyNoDocker(majors)
if (missing) t.pass('watchdog', { skip: missing })
else {
  t.jobs = isFull ? 1 : 2
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  for (const major of majors)
    for (const isPid1 of isFull ? [true, false] : [true])
      for (const { way, mbPerS, resource, causes, isQuick, isHardToSee = false } of ROWS)
        if (isFull || isQuick)
          t.test(`Node ${major}, ${isPid1 ? 'PID 1' : 'not PID 1'}, ${way}, ${mbPerS} MB/s`, async t => {
            const container = await start(t, baseImage(major), {
              args: [
                ...['--network=none', '-m', '192m', '--memory-swap', '192m', ...(isPid1 ? [] : ['--init'])],
                ...['--volume', `${heapguard}:/opt/heapguard:ro`],
                ...['--volume', `${join(root, 'test/fixtures/deaths')}:/leak:ro`],
                ...['--env', 'HEAPGUARD_WATCHDOG=true'],
                ...[
                  '--env',
                  'NODE_OPTIONS=--max-old-space-size=100 --max-semi-space-size=2 --require /opt/heapguard/preload.js',
                ],
              ],
              command: ['node', '/leak/blocks.cjs', way, String(mbPerS)],
            })
            const { code } = await container.ended()
            const finishedMs = Date.parse(await container.inspect('{{.State.FinishedAt}}'))
            t.not(code, 0, 'it died')
            const said = recordsIn(container.lines('stderr').join('\n'))
            // With a second heap of 106 MB there would be more than the container has.
            t.notOk(said.some(({ event }) => event === 'heap-sum'))
            const pressure = said.filter(({ event }) => event === 'pressure')
            const before = pressure.map(
              ({ rung, time }) => `${rung} ${finishedMs - Date.parse(String(time))} ms before`,
            )
            t.comment(`exit ${code}: ${before.join(', ')}; cause ${pressure.at(-1)?.cause}`)
            t.ok((isHardToSee || pressure.length >= 1) && pressure.length <= 2, `${pressure.length} lines`)
            for (const record of pressure) {
              t.equal(record.resource, resource)
              t.ok(causes.includes(String(record.cause)), String(record.cause))
              t.match(record.msg, /blocked for [\d.]+ s, so this comes from the watchdog/)
            }
            if (resource === 'heap') t.ok(pressure.at(-1)?.suspects, 'suspects')
            if (way === 'buffers' && Number(major) >= 24) t.equal(pressure.at(-1)?.cause, 'buffers')
          })
}
