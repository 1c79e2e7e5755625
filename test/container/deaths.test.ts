// The death matrix: real deaths in real containers. Was each explained before it came, was the cause right, and how long
// before? By default a few rows on one major; HEAPGUARD_TEST_FULL runs all of it (`npm run test:deaths`), pieces of it with
// HEAPGUARD_TEST_MAJORS and HEAPGUARD_TEST_WAYS (a part of a way's name).
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { baseImage, type LogRecord, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS, HEAPGUARD_TEST_WAYS = '' } = process.env
const isFull = Boolean(HEAPGUARD_TEST_FULL)
const majors = (HEAPGUARD_TEST_MAJORS || (isFull ? '20 22 24 26' : '24')).split(/[\s,]+/)

interface Row {
  readonly way: string
  readonly resource: 'heap' | 'container'
  /** Those that are true; none: it happens in one turn of the loop, where no timer fires. */
  readonly causes: readonly string[]
  /** MB a second. At the first, the slow one, each rung is said. */
  readonly speeds: readonly number[]
  readonly heapMB?: number
  readonly args?: readonly string[]
  readonly isQuick?: boolean
  /** It ends as an exception that nobody catches, which runs JS. */
  readonly isUncaught?: boolean
  /** The end comes about the second rung: above it on some majors, below it on others. */
  readonly endsNearSecond?: boolean
  /** It grows by a tenth of the heap at once now and then, and so past a rung. */
  readonly leaps?: boolean
  /** A leak that nothing was tuned on: held-out.cjs, else leak.cjs. */
  readonly isHeldOut?: boolean
  /** Who is named. */
  readonly culprit?: RegExp
}

const [SLOW, FAST] = [15, 100]
const both = [SLOW, FAST]
const SCRATCH = ['--tmpfs', '/scratch:size=1g']

const ROWS: readonly Row[] = [
  { way: 'objects', resource: 'heap', causes: ['heap'], speeds: both, heapMB: 128, isQuick: true },
  // A Map that grows takes twice its table.
  { way: 'closures', resource: 'heap', causes: ['heap'], speeds: both, heapMB: 128, leaps: true },
  // A heap that is allowed more than the container has.
  { way: 'objects', resource: 'container', causes: ['heap'], speeds: both, heapMB: 400 },
  { way: 'buffers', resource: 'container', causes: ['buffers'], speeds: both, isQuick: true },
  { way: 'typed arrays', resource: 'container', causes: ['buffers'], speeds: both },
  { way: 'workers', resource: 'container', causes: ['workers'], speeds: both },
  // A worker's own heap is not watched: Node names the error, and the last line says that the process ends of it.
  { way: 'worker out of memory', resource: 'container', causes: [], speeds: both, isUncaught: true },
  // Its heap ends at 86 to 95 % of the container.
  {
    way: 'worker out of memory',
    resource: 'container',
    causes: ['workers'],
    speeds: both,
    heapMB: 192,
    endsNearSecond: true,
  },
  { way: 'child', resource: 'container', causes: ['process'], speeds: both, isQuick: true, culprit: /node/ },
  { way: 'tmpfs', resource: 'container', causes: ['tmpfs'], speeds: both, args: SCRATCH, isQuick: true },
  { way: 'zlib', resource: 'container', causes: ['native'], speeds: both },
  { way: 'crypto', resource: 'container', causes: ['native'], speeds: both },
  { way: 'one huge allocation', resource: 'container', causes: [], speeds: [FAST] },
  { way: 'JSON.parse', resource: 'heap', causes: [], speeds: [FAST] },
]

const OF_APPS: readonly Row[] = (
  [
    { way: 'listeners', resource: 'heap', causes: ['heap'] },
    { way: 'promises', resource: 'heap', causes: ['heap'] },
    { way: 'strings', resource: 'heap', causes: ['heap'] },
    { way: 'strings', resource: 'container', causes: ['heap'], heapMB: 400 },
    { way: 'slow reader', resource: 'container', causes: ['buffers'] },
    { way: 'files read whole', resource: 'container', causes: ['buffers'] },
    // Node counts a WebAssembly memory among its ArrayBuffers as soon as JS looks at it.
    { way: 'wasm', resource: 'container', causes: ['buffers', 'native'] },
    { way: 'keys', resource: 'container', causes: ['native'] },
    { way: 'shared memory', resource: 'container', causes: ['tmpfs'], args: ['--shm-size', '1g'] },
    { way: 'tool', resource: 'container', causes: ['process'], culprit: /tail/ },
    { way: 'a worker that keeps', resource: 'container', causes: ['workers'], heapMB: 400 },
  ] as const
).map(row => ({ heapMB: row.resource === 'heap' ? 128 : 150, ...row, speeds: [SLOW], isHeldOut: true }))

const table: string[] = []
const missing = await whyNoDocker(majors)
if (missing) t.pass('deaths', { skip: missing })
else {
  t.jobs = 3
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  for (const major of majors)
    for (const row of [...ROWS, ...OF_APPS])
      for (const speed of isFull ? row.speeds : row.speeds.slice(0, 1))
        for (const isPid1 of isFull && !row.isHeldOut ? [true, false] : [true])
          if ((isFull || row.isQuick) && row.way.includes(HEAPGUARD_TEST_WAYS))
            t.test(`Node ${major}, ${row.way}, ${speed} MB/s${isPid1 ? ', PID 1' : ''}`, async t =>
              dies(t, { ...row, major, speed, isPid1, heapguard }),
            )
  t.teardown(() => {
    for (const line of table.sort()) console.log(`# ${line}`)
  })
}

async function dies(
  t: Test,
  row: Row & { readonly major: string; readonly speed: number; readonly isPid1: boolean; readonly heapguard: string },
) {
  const { way, resource, causes, speed, heapMB = 150, args = [], major, isPid1, heapguard, culprit } = row
  const words = join(emptyFolder(), 'termination-log')
  writeFileSync(words, '')
  chmodSync(words, 0o666)
  const container = await start(t, baseImage(major), {
    args: [
      ...['--network=none', '-m', '256m', '--memory-swap', '256m', ...(isPid1 ? [] : ['--init'])],
      ...['--volume', `${heapguard}:/opt/heapguard:ro`, '--volume', `${join(root, 'test/fixtures/deaths')}:/leak:ro`],
      ...['--volume', `${words}:/dev/termination-log`, ...args],
      ...[
        '--env',
        `NODE_OPTIONS=--max-old-space-size=${heapMB} --max-semi-space-size=2 --require /opt/heapguard/preload.js`,
      ],
    ],
    command: ['node', `/leak/${row.isHeldOut ? 'held-out' : 'leak'}.cjs`, way, String(speed)],
  })
  const { code, oomKilled } = await container.ended()
  const finishedMs = Date.parse(await container.inspect('{{.State.FinishedAt}}'))
  const said = container.lines('stderr').flatMap(line => parsed(line))
  const pressure = said.filter(({ event, resource: of }) => event === 'pressure' && of === resource)
  const last = pressure.at(-1)
  const atEnd = said.at(-1)
  const lines = pressure.map(({ rung, time }) => `${rung} ${finishedMs - Date.parse(String(time))} ms before`)
  const lastWords = readFileSync(words, 'utf8')
  table.push(
    `${way}${row.isHeldOut ? ' (held out)' : ''} | ${resource} | ${speed} MB/s | Node ${major} | ${isPid1 ? 'PID 1' : 'not PID 1'} | exit ${code}${oomKilled ? ' OOMKilled' : ''} | ` +
      `${lines.join(', ') || `no line after ${atEnd?.event}`} | cause ${last?.cause ?? '-'} | last words ${lastWords === '' ? 'no' : 'yes'}`,
  )
  t.comment(table.at(-1) ?? '')
  t.not(code, 0, 'it died')
  if (row.isUncaught) {
    t.match(atEnd, { event: 'shutdown', reason: 'uncaught', exitCode: 1 })
    t.ok(container.lines('stderr').some(line => line.includes('ERR_WORKER_OUT_OF_MEMORY')))
  }
  if (causes.length === 0) return
  t.ok(last !== undefined, 'it was explained before')
  if (last === undefined) return
  for (const { cause, msg } of pressure)
    t.ok(causes.includes(String(cause)) || (speed >= FAST && cause === 'unknown'), `the cause: ${cause}: ${msg}`)
  const rungs = pressure.map(({ rung }) => rung)
  if (row.endsNearSecond) t.ok(['warn', 'warn,critical'].includes(rungs.join()), `the first rung: ${rungs}`)
  else if (speed === SLOW && !row.leaps) t.strictSame(rungs, ['warn', 'critical'], 'each rung, once')
  else t.equal(rungs.at(-1), 'critical', 'the second rung, be it alone')
  if (culprit !== undefined) t.match(last.msg, new RegExp(`the largest ${culprit.source} \\(pid \\d+\\) with \\d`))
  // The kernel kills the child, this process lives on: then it is said who is gone, and the last words go with the danger.
  if (culprit !== undefined) {
    const gone = new RegExp(`No longer there: ${culprit.source} \\(pid \\d+\\), last seen with`)
    t.match(said.find(({ event }) => event === 'oom-kill')?.msg, gone)
    return
  }
  t.match(lastWords, /^heapguard, .*, pid \d+ \((warning|critical)\): The /, 'last words')
}

function parsed(line: string): LogRecord[] {
  try {
    const record = JSON.parse(line)
    return record?.name === 'heapguard' ? [record] : []
  } catch {
    // V8's own words.
    return []
  }
}
