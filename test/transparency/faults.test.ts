// Every function of Node's that the guard calls is made to throw, one after the other: the app runs as if nothing had
// happened, with one line at most.
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder, GUARD, recordsIn, runNode, withoutRecords } from '../preload/node.ts'
import { IS_FULL } from './harness.ts'

interface Started {
  readonly app: string
  readonly nodeOptions?: string
  /** A real pipe as stderr. */
  readonly piped?: boolean
  readonly env: () => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>
  /** What the guard says when nothing is faulty, in this order, among other things. */
  readonly events: readonly string[]
  /** Functions that must be among those that it calls. */
  readonly calls: readonly string[]
  /** Only what no start before it has called is made to fail: the rest is as there, and this one takes its time. */
  readonly isSlow?: boolean
}

const handled = `process.on('SIGTERM', () => { console.log('got'); process.exit(3) });`
const end = `process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000);`
/** Keeps a MB each few milliseconds, up to 30, and makes a worker. */
const fills = `${handled} new (require('worker_threads').Worker)('', { eval: true, env: {}, execArgv: [] })
  const kept = []; const keep = () => { kept.push(new Array(131072).fill(1.5)); if (kept.length < 30) setTimeout(keep, 10); else { ${end} } }; keep()`
const PRESSURE = {
  CONTAINER_MEMORY_MB: '900000',
  HEAPGUARD_INTERVAL_MS: '50',
  HEAPGUARD_PULSE_MS: '50',
  HEAPGUARD_WARN_PERCENT: '40',
  HEAPGUARD_CRITICAL_PERCENT: '50',
}
const HEAP = '--max-old-space-size=48 --max-semi-space-size=1'

const freePort = (): Promise<number> =>
  new Promise(done => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })

const STARTS: Readonly<Record<string, Started>> = {
  'a whole guard from the start, and its ticks': {
    app: `${handled} setTimeout(() => { ${end} }, 80)`,
    env: () => ({ HEAPGUARD_INTERVAL_MS: '20', HEAPGUARD_PROFILE: 'true' }),
    events: ['heap-validated', 'memory'],
    calls: [
      'setInterval',
      'node:fs.openSync',
      'node:v8.getHeapStatistics',
      'process.memoryUsage',
      'vm.compileFunction',
    ],
  },
  'a quiet start, which the whole guard takes over from': {
    // It listens before the first tick, at which the looks begin, and ends behind it.
    app: `setTimeout(() => { ${handled} }, 80); setTimeout(() => { ${end} }, 1150)`,
    nodeOptions: '--max-old-space-size=384',
    piped: true,
    env: () => ({ CONTAINER_MEMORY_MB: '900000' }),
    events: ['heap-validated', 'signal', 'shutdown'],
    calls: ['setInterval', 'node:v8.getHeapStatistics', 'vm.compileFunction'],
  },
  'all that can be asked for, under heap pressure': {
    app: fills,
    nodeOptions: HEAP,
    env: async () => {
      const folder = emptyFolder()
      // It is never made, and else nothing would be read or written.
      writeFileSync(join(folder, 'last-words'), '')
      return {
        ...PRESSURE,
        HEAPGUARD_DIR: folder,
        HEAPGUARD_TERMINATION_LOG: join(folder, 'last-words'),
        HEAPGUARD_WATCHDOG: 'true',
        HEAPGUARD_METRICS: `127.0.0.1:${await freePort()}`,
        HEAPGUARD_ON_CRITICAL: 'sigterm',
      }
    },
    events: ['heap-validated', 'pressure', 'signal', 'shutdown'],
    calls: [
      'new node:worker_threads.Worker',
      'new node:inspector.Session',
      'node:net.createServer.listen',
      'node:fs.opendirSync',
    ],
  },
  'a heap snapshot': {
    app: fills,
    nodeOptions: HEAP,
    env: () => ({ ...PRESSURE, HEAPGUARD_DIR: emptyFolder(), HEAPGUARD_HEAP_SNAPSHOT: 'true' }),
    events: ['heap-validated', 'pressure', 'evidence-problem', 'signal', 'shutdown'],
    calls: ['node:v8.writeHeapSnapshot', 'node:fs.statfsSync'],
    isSlow: true,
  },
}

async function run({ app, nodeOptions = '', piped = false, env }: Started, fault: Record<string, string>) {
  const { code, signal, stdout, stderr } = await runNode({
    args: ['-e', app],
    preload: resolve('test/transparency/fault.cjs'),
    nodeOptions,
    piped,
    env: { FAULT_GUARD: GUARD, ...(await env()), ...fault },
  })
  return { code, signal, stdout, stderr }
}

async function faultyRun(t: Test, start: Started, at: string, mode: 'once' | 'on'): Promise<void> {
  const { stderr, ...ended } = await run(start, { FAULT_AT: at, FAULT_MODE: mode })
  const rest = withoutRecords(stderr)
  t.strictSame(ended, { code: 3, signal: null, stdout: 'got\n' }, `${mode} at ${at}: ${rest}`)
  // Where a quiet start stands, it says its own end though the whole guard could not go on.
  t.match(rest, /^(heapguard: could not (start|go on) \(planted in [^\n]*\n)?$/, 'one line at most')
  const [, after] = stderr.split('heapguard: could not start')
  if (after !== undefined) t.strictSame(recordsIn(after), [], 'and nothing after it')
}

/** Three at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all([next(), next(), next()])
}

/** Which of so many calls of one function: the first ones, and ever fewer. */
function occurrences(count: number): number[] {
  const found: number[] = []
  for (let n = 1; n <= count; n = Math.ceil(n * 1.6)) found.push(n)
  return found
}

const tried = new Set<string>()
for (const [name, start] of Object.entries(STARTS))
  t.test(name, async t => {
    const whole = await run(start, { FAULT_AT: '0', FAULT_COUNT: '1' })
    const called = /^called (.*)$/m.exec(whole.stdout)?.[1]?.split(',') ?? []
    t.test('without a fault it is the guard', async t => {
      t.match(whole, { code: 3, stdout: /^got\n/ })
      const said = recordsIn(whole.stderr).map(record => record.event)
      let from = 0
      for (const event of start.events) {
        const at = said.indexOf(event, from)
        t.ok(at >= from, `${event} among ${said}`)
        from = at
      }
      for (const wanted of start.calls) t.ok(called.includes(wanted), wanted)
    })

    const names = [...new Set(called)].filter(name => name !== '' && !(start.isSlow && tried.has(name)))
    for (const name of names) tried.add(name)
    t.test('a function that never works', async t => each(names, async at => faultyRun(t, start, `${at} 1`, 'on')))
    t.test('a function that fails once', { skip: IS_FULL ? false : 'HEAPGUARD_TEST_FULL' }, async t => {
      const at = names.flatMap(name =>
        occurrences(called.filter(other => other === name).length).map(n => `${name} ${n}`),
      )
      await each(at, async at => faultyRun(t, start, at, 'once'))
    })
    t.test('a call and all after it throw', async t => {
      const step = IS_FULL && !start.isSlow ? 3 : 30
      // Beyond the start the calls repeat: one tick is like the next.
      const at = Array.from({ length: Math.ceil(Math.min(called.length, 240) / step) }, (_, i) => `${1 + i * step}`)
      await each(at, async at => faultyRun(t, start, at, 'on'))
    })
  })
