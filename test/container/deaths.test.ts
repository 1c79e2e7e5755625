// The death matrix: real deaths in real containers. Was each explained before it came, was the cause right, and how long
// before? By default a few rows on one major; HEAPGUARD_TEST_FULL runs all of it (`npm run test:deaths`).
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { baseImage, type LogRecord, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const isFull = Boolean(HEAPGUARD_TEST_FULL)
const majors = (HEAPGUARD_TEST_MAJORS || (isFull ? '20 22 24 26' : '24')).split(/[\s,]+/)

interface Row {
  readonly way: string
  readonly resource: 'heap' | 'container'
  /** Those that are true; none: it happens in one turn of the loop, where no timer fires. */
  readonly causes: readonly string[]
  /** MB a second, slow and fast. */
  readonly speeds: readonly number[]
  readonly heapMB?: number
  readonly args?: readonly string[]
  readonly isQuick?: boolean
}

const ROWS: readonly Row[] = [
  { way: 'objects', resource: 'heap', causes: ['heap'], speeds: [15, 100], heapMB: 128, isQuick: true },
  { way: 'closures', resource: 'heap', causes: ['heap'], speeds: [15, 100], heapMB: 128 },
  // A heap that is allowed more than the container has.
  { way: 'objects', resource: 'container', causes: ['heap'], speeds: [15, 100], heapMB: 400 },
  { way: 'buffers', resource: 'container', causes: ['buffers'], speeds: [15, 100], isQuick: true },
  { way: 'typed arrays', resource: 'container', causes: ['buffers'], speeds: [15, 100] },
  { way: 'workers', resource: 'container', causes: ['workers'], speeds: [15, 100] },
  { way: 'child', resource: 'container', causes: ['process'], speeds: [15, 100], isQuick: true },
  {
    way: 'tmpfs',
    resource: 'container',
    causes: ['tmpfs'],
    speeds: [15, 100],
    args: ['--tmpfs', '/scratch:size=1g'],
    isQuick: true,
  },
  { way: 'zlib', resource: 'container', causes: ['native'], speeds: [15, 100] },
  { way: 'one huge allocation', resource: 'container', causes: [], speeds: [100] },
  { way: 'JSON.parse', resource: 'heap', causes: [], speeds: [100] },
]

const table: string[] = []
const missing = await whyNoDocker(majors)
if (missing) t.pass('deaths', { skip: missing })
else {
  t.jobs = 2
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  for (const major of majors)
    for (const row of ROWS)
      for (const speed of isFull ? row.speeds : row.speeds.slice(0, 1))
        for (const isPid1 of isFull ? [true, false] : [true])
          if (isFull || row.isQuick)
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
  const { way, resource, causes, speed, heapMB = 150, args = [], major, isPid1, heapguard } = row
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
    command: ['node', '/leak/leak.cjs', way, String(speed)],
  })
  const { code, oomKilled } = await container.ended()
  const finishedMs = Date.parse(await container.inspect('{{.State.FinishedAt}}'))
  const said = container.lines('stderr').flatMap(line => parsed(line))
  const pressure = said.filter(({ event, resource: of }) => event === 'pressure' && of === resource)
  const last = pressure.at(-1)
  const before = pressure[0] === undefined ? undefined : finishedMs - Date.parse(String(pressure[0].time))
  table.push(
    `${way} | ${speed} MB/s | Node ${major} | ${isPid1 ? 'PID 1' : 'not PID 1'} | exit ${code}${oomKilled ? ' OOMKilled' : ''} | ` +
      `${last === undefined ? 'no line' : `${pressure.map(({ rung }) => rung).join(', ')}, ${before} ms before`} | cause ${last?.cause ?? '-'}`,
  )
  t.comment(table.at(-1) ?? '')
  t.not(code, 0, 'it died')
  if (causes.length === 0) return
  t.ok(last !== undefined, 'it was explained before')
  if (last === undefined) return
  t.ok(causes.includes(String(last.cause)) || (speed >= 100 && last.cause === 'unknown'), `the cause: ${last.cause}`)
  // The kernel kills the child, this process lives on: then it is said who is gone, and the last words go with the danger.
  if (way === 'child') {
    t.match(said.find(({ event }) => event === 'oom-kill')?.msg, /No longer there: node \(pid \d+\), last seen with/)
    return
  }
  t.match(readFileSync(words, 'utf8'), /^heapguard, .*, pid \d+ \((warning|critical)\): The /, 'last words')
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
