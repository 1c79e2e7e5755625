// The second half of the death matrix: what does the next start say, is it right, and how sure does it say it is? Each
// container dies, and is started again as a restart policy would. By default a few rows on one major; HEAPGUARD_TEST_FULL
// runs all of it (`npm run test:deaths`), with HEAPGUARD_TEST_WATCHDOG each row under the watchdog.
import { execFile } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { emptyFolder, type LogRecord, recordsIn } from '../preload/node.ts'
import { baseImage, type Container, docker, root, start, whyNoDocker } from './docker.ts'

const run = promisify(execFile)
const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS, HEAPGUARD_TEST_ROWS, HEAPGUARD_TEST_WATCHDOG } = process.env
const isFull = Boolean(HEAPGUARD_TEST_FULL)
const majors = (HEAPGUARD_TEST_MAJORS || (isFull ? '20 22 24 26' : '24')).split(/[\s,]+/)

/** Planted where a process keeps its secrets; none of it may be in any byte of the folder. */
const TOKENS = { environment: 'tok3n-of-the-environment', header: 'tok3n-of-a-header', closure: 'tok3n-of-a-closure' }

interface Row {
  readonly way: string
  readonly argument?: string
  /** What the next start may say, as `death confidence`; none: nothing, the run ended in its own words. */
  readonly says: readonly string[]
  readonly heapMB?: number
  readonly args?: readonly string[]
  readonly isQuick?: boolean
  /** With HEAPGUARD_WATCHDOG=true: how many `pressure` lines stand in the log before the end, at the least. */
  readonly leastExplained?: number
  /** Ends the first life from outside. */
  readonly end?: (container: Container) => Promise<unknown>
}

const V8 = ['v8-heap-limit likely', 'v8-heap-limit certain']
const KERNEL = ['kernel-oom likely', 'kernel-oom certain']
/** In one turn of the loop no look is taken: the record cannot know, and says what else it may have been. */
const UNSEEN = ['killed-from-outside possible']

const ready = (container: Container) => container.said((_, { text }) => text === 'ready')
const ROWS: readonly Row[] = [
  { way: 'objects', argument: '15', says: V8, heapMB: 128, isQuick: true },
  { way: 'objects', argument: '100', says: [...V8, 'v8-heap-limit possible'], heapMB: 128 },
  { way: 'closures', argument: '15', says: V8, heapMB: 128 },
  // A Map that grows by doubling can hold the loop from its first look on.
  { way: 'closures', argument: '100', says: [...V8, 'v8-heap-limit possible', ...UNSEEN], heapMB: 128 },
  { way: 'objects', argument: '15', says: KERNEL, heapMB: 400 },
  { way: 'objects', argument: '100', says: [...KERNEL, 'kernel-oom possible'], heapMB: 400 },
  { way: 'buffers', argument: '15', says: KERNEL },
  { way: 'buffers', argument: '100', says: KERNEL, isQuick: true },
  { way: 'typed arrays', argument: '15', says: KERNEL },
  { way: 'typed arrays', argument: '100', says: KERNEL },
  { way: 'workers', argument: '15', says: KERNEL },
  { way: 'workers', argument: '100', says: [...KERNEL, 'kernel-oom possible'] },
  // The kernel kills the child; the app sees that, and ends by process.exit.
  { way: 'child', argument: '15', says: [] },
  { way: 'child', argument: '100', says: [] },
  { way: 'tmpfs', argument: '15', says: KERNEL, args: ['--tmpfs', '/scratch:size=1g,mode=1777'] },
  { way: 'tmpfs', argument: '100', says: KERNEL, args: ['--tmpfs', '/scratch:size=1g,mode=1777'] },
  { way: 'zlib', argument: '15', says: KERNEL },
  { way: 'zlib', argument: '100', says: KERNEL },
  { way: 'crypto', argument: '15', says: KERNEL },
  { way: 'crypto', argument: '100', says: KERNEL },
  // An exception that nobody catches, of which the main thread hears.
  { way: 'worker out of memory', argument: '15', says: ['crash certain'] },
  { way: 'one huge allocation', argument: '100', says: UNSEEN },
  { way: 'JSON.parse', argument: '100', says: [...UNSEEN, ...V8] },
  { way: 'a synchronous heap loop', says: [...UNSEEN, ...V8], heapMB: 128 },
  { way: 'a synchronous Buffer loop', says: UNSEEN },
  {
    way: 'a synchronous heap loop',
    argument: '40',
    says: V8,
    heapMB: 100,
    leastExplained: 1,
    isQuick: true,
  },
  { way: 'a synchronous Buffer loop', argument: '40', says: KERNEL, leastExplained: 1, isQuick: true },
  // Over before the watchdog's first look, or seen by it on the way.
  { way: 'one huge allocation', argument: '1', says: [...UNSEEN, ...KERNEL], leastExplained: 0 },
  {
    way: 'SIGTERM ignored until SIGKILL',
    says: ['stopped-from-outside likely'],
    isQuick: true,
    end: container => docker('stop', '--time=3', container.id),
  },
  {
    way: 'SIGKILL out of the blue',
    says: ['killed-from-outside possible'],
    isQuick: true,
    end: container => docker('kill', container.id),
  },
  { way: 'a plain crash', says: ['crash certain'], isQuick: true },
  { way: 'process.abort', says: ['killed-from-outside possible'] },
  { way: 'process.exit in the middle', says: [] },
  { way: 'a clean exit', says: [], isQuick: true },
]

/** With the watchdog each row that ends by memory is explained before, but for what happens inside one native call. */
const watched = (row: Row): Row => {
  const isOneCall = row.way === 'one huge allocation' || row.way === 'JSON.parse'
  const isEnded = row.end !== undefined || row.way === 'process.abort'
  const isByMemory = !isEnded && [...UNSEEN, ...V8, ...KERNEL].some(word => row.says.includes(word))
  const leastExplained = isByMemory && !isOneCall ? 1 : 0
  // More is seen of it; inside JSON.parse a container that fills, and V8 tells nothing of its heap.
  const more = row.way === 'JSON.parse' ? ['kernel-oom possible'] : isByMemory ? [...V8, ...KERNEL] : []
  const says = row.says.includes(UNSEEN[0] as string) ? [...row.says, ...more] : row.says
  return { ...row, says, leastExplained }
}

interface Place {
  readonly major: string
  readonly isPid1: boolean
  readonly heapguard: string
}

const fixtures = join(root, 'test/fixtures/deaths')
const user = `${process.getuid?.()}:${process.getgid?.()}`

const table: string[] = []
const missing = await whyNoDocker(majors)
if (missing) t.pass('previous deaths', { skip: missing })
else {
  t.jobs = 2
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  const isAsked = (name: string): boolean => new RegExp(HEAPGUARD_TEST_ROWS || '.').test(name)
  for (const major of majors)
    for (const isPid1 of isFull ? [true, false] : [true]) {
      const place = { major, isPid1, heapguard }
      const where = `Node ${major}${isPid1 ? ', PID 1' : ''}`
      for (const row of HEAPGUARD_TEST_WATCHDOG ? ROWS.map(watched) : ROWS) {
        const name = `${where}, ${row.way}${row.argument === undefined ? '' : `, ${row.argument} MB/s`}`
        if ((isFull || row.isQuick) && isAsked(name)) t.test(name, async t => isExplained(t, row, place))
      }
      for (const [name, test] of [
        ['two containers on one volume', twoContainers],
        ['a killed cluster worker', (t: Test, at: Place) => clusterWorker(t, at, 'a killed cluster worker', UNSEEN)],
        [
          'a cluster worker out of memory',
          (t: Test, at: Place) => clusterWorker(t, at, 'a cluster worker out of memory', ['kernel-oom certain']),
        ],
        ['the disk is full', fullDisk],
      ] as const)
        if ((isFull || name !== 'the disk is full') && isAsked(`${where}, ${name}`))
          t.test(`${where}, ${name}`, async t => test(t, place))
    }
  t.teardown(() => {
    for (const line of table.sort()) console.log(`# ${line}`)
  })
}

function launch(t: Test, { major, isPid1, heapguard }: Place, way: string, more: Partial<Row> & { dir?: string } = {}) {
  const { argument = '', heapMB = 150, args = [], dir } = more
  return start(t, baseImage(major), {
    args: [
      ...['--network=none', '-m', '256m', '--memory-swap', '256m', '--user', user, ...(isPid1 ? [] : ['--init'])],
      ...['--volume', `${heapguard}:/opt/heapguard:ro`, '--volume', `${fixtures}:/leak:ro`],
      ...(dir === undefined ? [] : ['--volume', `${dir}:/evidence`]),
      ...['--env', 'HEAPGUARD_DIR=/evidence', '--env', `SECRET=${TOKENS.environment}`, ...args],
      ...[
        '--env',
        `NODE_OPTIONS=--max-old-space-size=${heapMB} --max-semi-space-size=2 --require /opt/heapguard/preload.js`,
      ],
    ],
    command: ['node', '/leak/once.cjs', way, argument, TOKENS.closure, TOKENS.header],
  })
}

/** Starts a container that has ended once more; returns what this life wrote to stderr. */
async function again(container: Container): Promise<string> {
  const before = (await run('docker', ['logs', container.id])).stderr.length
  await docker('start', container.id)
  await docker('wait', container.id)
  return (await run('docker', ['logs', container.id])).stderr.slice(before)
}

const deathsIn = (stderr: string): LogRecord[] => recordsIn(stderr).filter(({ event }) => event === 'previous-death')
const wordOf = ({ death, confidence }: LogRecord): string => `${death} ${confidence}`

/** No secret, and nobody else can read it. */
function isSafe(t: Test, dir: string): void {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name)
    t.equal(statSync(path).mode & 0o777, 0o600, `${name} is its owner's alone`)
    const text = readFileSync(path, 'latin1')
    for (const [where, token] of Object.entries(TOKENS)) t.notOk(text.includes(token), `${name}: no ${where}`)
  }
}

async function isExplained(t: Test, row: Row, place: Place) {
  const dir = emptyFolder()
  const watchdog = row.leastExplained === undefined ? [] : ['--env', 'HEAPGUARD_WATCHDOG=true']
  const container = await launch(t, place, row.way, { ...row, args: [...(row.args ?? []), ...watchdog], dir })
  if (row.end !== undefined) {
    await ready(container)
    await row.end(container)
  }
  const { code, oomKilled } = await container.ended()
  isSafe(t, dir)
  const pressure = recordsIn(container.lines('stderr').join('\n')).filter(({ event }) => event === 'pressure')
  if (row.leastExplained !== undefined) {
    t.ok(pressure.length >= row.leastExplained, `${pressure.length} pressure lines before the end`)
    if (row.way.startsWith('a synchronous'))
      for (const { msg } of pressure) t.match(msg, /so this comes from the watchdog/)
  }
  const said = deathsIn(await again(container))
  const [death] = said
  table.push(
    `${row.way}${row.argument ? ` ${row.argument} MB/s` : ''}${row.heapMB === 400 ? ' (heap 400)' : ''}${row.leastExplained === undefined ? '' : `, watchdog: ${pressure.map(({ cause }) => cause).join(', ') || 'not-known'}`} | Node ${place.major} | ${place.isPid1 ? 'PID 1' : 'not PID 1'} | ` +
      `exit ${code}${oomKilled ? ' OOMKilled' : ''} | ${death === undefined ? 'nothing' : wordOf(death)}`,
  )
  t.comment(table.at(-1) ?? '')
  if (death !== undefined) t.comment(JSON.stringify(death))
  t.equal(said.length, row.says.length === 0 ? 0 : 1, 'said once, where there is something to say')
  if (death !== undefined) t.ok(row.says.includes(wordOf(death)), `${wordOf(death)} is among ${row.says.join(', ')}`)
  const left = readdirSync(dir)
  t.strictSame(
    left.filter(name => name.endsWith('.run')),
    [],
    'both runs are over, and the second ended well',
  )
  if (row.says.length === 0) t.strictSame(left, [], 'nothing is left behind')
  t.strictSame(deathsIn(await again(container)), [], 'a third start says nothing more')
}

async function twoContainers(t: Test, place: Place) {
  const dir = emptyFolder()
  const living = await launch(t, place, 'SIGKILL out of the blue', { dir })
  const killed = await launch(t, place, 'SIGKILL out of the blue', { dir })
  await Promise.all([ready(living), ready(killed)])
  const records = (): string[] => readdirSync(dir).filter(name => name.endsWith('.run'))
  t.equal(records().length, 2, 'each has its own')
  await docker('kill', killed.id)
  await killed.ended()
  const [first, ...more] = deathsIn(await again(killed))
  t.equal(first && wordOf(first), 'killed-from-outside possible')
  t.equal(first?.hostName, killed.id.slice(0, 12))
  t.strictSame(more, [], 'the one that lives is not reported')
  t.equal(records().length, 1)
  // A third container cannot ask whether the first one lives: it says nothing.
  const other = await launch(t, place, 'a clean exit', { dir })
  await other.ended()
  t.strictSame(deathsIn(other.lines('stderr').join('\n')), [])
  t.equal(records().length, 1)
  table.push(
    `two containers on one volume | Node ${place.major} | ${place.isPid1 ? 'PID 1' : 'not PID 1'} | exit 137 | ${first && wordOf(first)}, of the killed one alone`,
  )
}

async function clusterWorker(t: Test, place: Place, way: string, says: readonly string[]) {
  const dir = emptyFolder()
  const container = await launch(t, place, way, { dir })
  const { code } = await container.ended()
  const said = deathsIn(container.lines('stderr').join('\n'))
  const [death] = said
  table.push(
    `${way} beside a living primary | Node ${place.major} | ${place.isPid1 ? 'PID 1' : 'not PID 1'} | exit ${code} | ${death === undefined ? 'nothing' : wordOf(death)}`,
  )
  if (death !== undefined) t.comment(JSON.stringify(death))
  t.equal(code, 0)
  t.equal(said.length, 1, 'the next worker says it, once')
  if (death !== undefined) t.ok(says.includes(wordOf(death)), wordOf(death))
  t.equal(readdirSync(dir).filter(name => name.endsWith('.run')).length, 0, 'the primary and the second ended well')
  isSafe(t, dir)
}

async function fullDisk(t: Test, place: Place) {
  const container = await launch(t, place, 'process.exit in the middle', {
    // Two pages: the record's first write finds no room for all of it.
    args: ['--tmpfs', '/evidence:size=4k,mode=1777'],
  })
  const { code } = await container.ended()
  const problems = recordsIn(container.lines('stderr').join('\n')).filter(({ event }) => event === 'evidence-problem')
  table.push(
    `the disk is full while recording | Node ${place.major} | ${place.isPid1 ? 'PID 1' : 'not PID 1'} | exit ${code} | evidence-problem ${problems.map(({ reason }) => reason).join()}`,
  )
  t.equal(code, 3, 'the app never notices')
  t.equal(problems.length, 1)
  t.match(problems[0], { what: 'flight record', reason: /ENOSPC|cut short/ })
}
