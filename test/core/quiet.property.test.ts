// One truth: where the quiet start speaks, its lines are those of the long way to the character.
import fc from 'fast-check'
import t from 'tap'
import { verdictOf } from '../../preload/core/assess.ts'
import { type SizedProcess, workedOutFor } from '../../preload/core/heap-size.ts'
import { type QuietProcess, quietBudgetOf, quietEndOf, quietHead } from '../../preload/core/quiet.ts'
import { jsonLine } from '../../preload/core/record.ts'
import { heapValidated, shutdown } from '../../preload/core/report.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { bytes, millis, roundedMB } from '../../preload/core/units.ts'
import { readBudget } from '../../preload/heap-validator.ts'
import type { Host } from '../../preload/host/host.ts'
import { cgroup1Mount, cgroup2Mount, Failure, type Files, MIB, machine } from '../fixtures/cgroup.ts'

const numRuns = Number(process.env.HEAPGUARD_PROPERTY_RUNS ?? 5000)
const VERSION = '1.2.3'
const NODE_VERSION = 'v24.21.0'
const SIZED: SizedProcess = {
  version: NODE_VERSION,
  versions: { v8: '13.6.233.17-node.63' },
  arch: 'x64',
  execPath: '/usr/local/bin/node',
  config: { variables: { v8_enable_pointer_compression: 0 } },
}
const UNLIMITED = 2 ** 64
/** Stands for the process in a cgroup.procs. */
const OWN_PID = '<pid>'

interface Start {
  readonly files: Files
  readonly nodeOptions: string | undefined
  readonly execArgv: readonly string[]
  readonly operatorText: string | undefined
  readonly warnPercent: number
  readonly heapLimitBytes: number
  /** What process.constrainedMemory() says: of these files, or anything. */
  readonly constrained: number | undefined
  /** Whether the limit may be worked out; else heapLimitBytes is what V8 says. */
  readonly mayWorkOut: boolean
}

/** As libuv does it: the own group's hard and soft limit at the usual place, the lesser of the two; 0: one is missing. */
function constrainedIn(files: Files): number {
  const own = files['/proc/self/cgroup']
  const v1 = typeof own === 'string' ? /^\d+:memory:(.*)$/m.exec(own)?.[1] : undefined
  const read = (path: string): number | undefined => {
    const text = files[path]
    if (typeof text !== 'string') return undefined
    return text.trim() === 'max' ? UNLIMITED : Number.parseInt(text, 10)
  }
  const both = (folder: string, hard: string, soft: string): number =>
    Math.min(read(`${folder}/${hard}`) ?? 0, read(`${folder}/${soft}`) ?? 0)
  if (v1 === undefined) return both('/sys/fs/cgroup', 'memory.max', 'memory.high')
  const at = both(`/sys/fs/cgroup/memory${v1}`, 'memory.limit_in_bytes', 'memory.soft_limit_in_bytes')
  return at || both('/sys/fs/cgroup/memory', 'memory.limit_in_bytes', 'memory.soft_limit_in_bytes')
}

/** The long way: the line that it says, or what it would say in warnings before it. */
function longWay(start: Start, isPid1: boolean, time: string, pid: number): string {
  const env: Record<string, string | undefined> = {
    NODE_OPTIONS: start.nodeOptions,
    CONTAINER_MEMORY_MB: start.operatorText,
    HEAPGUARD_WARN_PERCENT: String(start.warnPercent),
  }
  const host: Partial<Host> = {
    readVariable: name => env[name],
    readText: machine(start.files).readText,
    nodeVersion: NODE_VERSION,
    execArgv: start.execArgv,
    sized: start.mayWorkOut ? SIZED : undefined,
    heapLimit: () => bytes(start.heapLimitBytes),
    constrainedMemory: () => start.constrained ?? constrainedIn(start.files),
  }
  const { settings, problems } = readSettings(name => env[name])
  const budget = readBudget(host as Host, settings, workedOutFor)
  const { warnPercent, containerMemoryMB } = settings
  const verdict = verdictOf(budget, warnPercent)
  const { kernelLimit } = budget
  const isAboveKernel =
    containerMemoryMB !== undefined &&
    kernelLimit.kind === 'limited' &&
    kernelLimit.limitBytes < containerMemoryMB * MIB
  if (problems.length > 0 || isAboveKernel || verdict.kind !== 'fits') return 'needs more words'
  const facts = { budget, verdict, warnPercent, version: VERSION, nodeVersion: NODE_VERSION, isPid1 }
  return jsonLine(heapValidated(facts, undefined), { time, pid })
}

function quietWay(start: Start, sinceEpochMs: number, pid: number): string | undefined {
  const readText = (path: string): string => {
    const text = machine(start.files).readText(path)
    if (text === undefined) throw new Error(`ENOENT ${path}`)
    // Whatever the process's number: the machine's own groups are made before it is known.
    return text.replaceAll(OWN_PID, String(pid))
  }
  try {
    const process = processOf(start, pid)
    const sized = start.mayWorkOut ? SIZED : undefined
    const readLimit = () => bytes(start.heapLimitBytes)
    const budget = quietBudgetOf(
      process,
      start.execArgv.join(' '),
      start.warnPercent,
      sized,
      readLimit,
      VERSION,
      readText,
    )
    return budget && quietHead('heap-validated', sinceEpochMs, pid) + budget.text
  } catch {
    return undefined
  }
}

function processOf(start: Start, pid: number): QuietProcess {
  return {
    pid,
    version: NODE_VERSION,
    execArgv: start.execArgv,
    env: { NODE_OPTIONS: start.nodeOptions, CONTAINER_MEMORY_MB: start.operatorText },
    constrainedMemory: () => start.constrained ?? constrainedIn(start.files),
  }
}

const odd = fc.constantFrom(
  '',
  '0',
  '-1',
  '5 5',
  '1e9',
  '0x200',
  '007',
  'max',
  '9223372036854771712',
  '4503599627370496',
)
/** A limit file: mostly of some hundred MB. */
const limit = fc.oneof(
  { arbitrary: fc.integer({ min: 100, max: 3000 }).map(mb => String(mb * MIB)), weight: 8 },
  { arbitrary: fc.constant('max'), weight: 3 },
  odd,
)
const file = (text: fc.Arbitrary<string>): fc.Arbitrary<string | Failure | undefined> =>
  fc.oneof(
    { arbitrary: text.map(line => `${line}\n`), weight: 40 },
    fc.constant(new Failure('EACCES')),
    fc.constant(undefined),
    text,
  )
const high = fc.oneof({ arbitrary: fc.constant('max'), weight: 4 }, limit)
const v1Limit = fc.oneof(
  { arbitrary: fc.constant('9223372036854771712'), weight: 8 },
  { arbitrary: fc.integer({ min: 100, max: 3000 }).map(mb => String(mb * MIB)), weight: 8 },
  odd,
)
const meminfo = fc
  .oneof({ arbitrary: fc.constant(24_684_096), weight: 6 }, fc.integer({ min: 0, max: 4_000_000 }))
  .map(kib => `MemTotal:       ${kib} kB\nMemFree:         1024 kB\n`)

const v2Machine = fc
  .record({
    own: fc.oneof(
      { arbitrary: fc.constant('0::/\n'), weight: 12 },
      fc.constantFrom('0::/a\n', '1:freezer:/\n0::/\n', '0::/../x\n', ''),
    ),
    at: fc.oneof({ arbitrary: fc.constant('/sys/fs/cgroup'), weight: 10 }, fc.constant('/run/my\\040cg')),
    virtual: fc.oneof(
      { arbitrary: fc.constant(''), weight: 9 },
      fc.constant('40 22 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n'),
    ),
    max: file(limit),
    high: file(high),
    deep: file(limit),
    meminfo: file(meminfo),
  })
  .map(({ own, at, virtual, max, high, deep, meminfo }) =>
    without({
      '/proc/self/cgroup': own,
      '/proc/self/mountinfo': `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n${cgroup2Mount('/', at)}${virtual}`,
      '/proc/meminfo': meminfo,
      [`${at}/memory.max`]: max,
      [`${at}/memory.high`]: high,
      [`${at}/a/memory.max`]: deep,
      [`${at}/a/memory.high`]: 'max\n',
    }),
  )

const v1Line = fc.oneof(
  { arbitrary: fc.constantFrom('9:memory:/docker/abc', '9:memory:/', '4:memory:/a/b'), weight: 10 },
  fc.constantFrom(
    '9:cpu,memory:/docker/abc',
    '9:memory:/a b',
    '9:memory:/a/../b',
    '3:name=x:memory:/a',
    '9:memory:/memory',
  ),
)
/** As mountinfo has it. */
const escaped = (path: string): string => path.replaceAll(' ', '\\040')
const v1Mounts = (path: string): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fc.constant(cgroup1Mount(path)), weight: 6 },
    { arbitrary: fc.constant(cgroup1Mount('/')), weight: 6 },
    fc.constantFrom(
      cgroup1Mount('/other'),
      cgroup1Mount('/', '/run/memory'),
      cgroup1Mount('/', '/sys/fs/cgroup/memory', 'rw,cpu,memory'),
      cgroup1Mount('/') + cgroup1Mount(path, '/mnt/memory'),
      `${cgroup1Mount('/')}40 22 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n`,
      '',
    ),
  )
const v1Machine = v1Line.chain(line => {
  const path = line.slice(line.indexOf(':/') + 1)
  return fc
    .record({
      mounts: v1Mounts(escaped(path)),
      limits: fc.array(file(v1Limit), { minLength: 3, maxLength: 3 }),
      soft: fc.oneof({ arbitrary: fc.constant('9223372036854771712\n'), weight: 5 }, file(v1Limit)),
      stat: fc.option(file(v1Limit), { freq: 6, nil: 'least' as const }),
      meminfo: file(meminfo),
    })
    .map(({ mounts, limits, soft, stat, meminfo }) => {
      const files: Record<string, string | Failure | undefined> = {
        '/proc/self/cgroup': `10:pids:/x\n${line}\n0::/\n`,
        '/proc/self/mountinfo': `${cgroup1Mount('/', '/sys/fs/cgroup/pids', 'rw,pids')}${mounts}${cgroup2Mount('/', '/sys/fs/cgroup/unified')}`,
        '/proc/meminfo': meminfo,
      }
      const mount = '/sys/fs/cgroup/memory'
      const deep = mounts.includes(` ${escaped(path)} ${mount} `) ? '' : path === '/' ? '' : path
      const levels = [deep, deep.slice(0, deep.lastIndexOf('/')), '']
      // The process is in the memory group that /proc/self/cgroup names, where the mount shows that one.
      const isShown = /^\d+:(\w+,)*memory:/.test(line) && mounts.includes(` ${mount} `) && !mounts.includes(' /other ')
      for (const [i, level] of levels.entries()) {
        files[`${mount}${level}/cgroup.procs`] = level === deep && isShown ? `3\n${OWN_PID}\n77\n` : '0\n9\n'
        files[`${mount}${level}/memory.limit_in_bytes`] = limits[i]
        files[`${mount}${level}/memory.soft_limit_in_bytes`] = soft
      }
      const numbers = levels.map(level => Number.parseInt(String(files[`${mount}${level}/memory.limit_in_bytes`]), 10))
      const least = Math.min(...numbers.filter(n => n > 0))
      const said = stat === 'least' ? (least > 1e18 ? '9223372036854771712' : `${least}`) : stat
      for (const level of levels)
        files[`${mount}${level}/memory.stat`] =
          typeof said === 'string' ? `cache 1\nhierarchical_memory_limit ${said.trim()}\ntotal_cache 5\n` : said
      return without(files)
    })
})

function without(files: Record<string, string | Failure | undefined>): Files {
  return Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined)) as Files
}

const word = fc.oneof(
  { arbitrary: fc.constantFrom('--max-old-space-size=384', '--max-old-space-size=1024'), weight: 3 },
  { arbitrary: fc.constantFrom('--require', '/opt/heapguard/preload.js', '--no-warnings', '--title=x'), weight: 6 },
  fc.constantFrom(
    ...['--max_old_space_size=300', '-max-old-space-size=300', '--max-old-space-size', '--max-old-space-size=0'],
    ...[
      '--max-old-space-size=12x',
      '--max-old-space-size-percentage=50',
      '--max-heap-size=400',
      "'--max-old-space-size=1'",
    ],
    ...[
      '--max-semi-space-size=16',
      'stray',
      '',
      '"',
      '--m"ax-old-space-size=64"',
      '-e',
      'Math.max(1, 2)',
      '-',
      '--',
      'a=b',
    ],
    ...[
      '0 --max-old-space-size=5',
      '--max-old-space-size=007',
      '--max-old-space-size=9999999',
      '--max-old-space-size=999999',
      '=',
      'x\\',
    ],
  ),
)
const words = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      ...[[], ['--max-old-space-size=384', '--require', '/opt/heapguard/preload.js'], ['--require', '/opt/x.js']],
      ...[['--max-old-space-size=1024'], ['--no-warnings', '--max-old-space-size=384', '--title=x'], ['-e', '0']],
    ),
    weight: 3,
  },
  fc.array(word, { maxLength: 4 }),
)

const start: fc.Arbitrary<Start> = fc
  .record({
    files: fc.oneof(v2Machine, { arbitrary: v1Machine, weight: 3 }),
    nodeOptions: fc.option(
      words.map(all => all.join(' ')),
      { nil: undefined },
    ),
    execArgv: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, words),
    operatorText: fc.option(
      fc.oneof(
        { arbitrary: fc.integer({ min: 0, max: 4000 }).map(String), weight: 5 },
        fc.constantFrom('', ' ', '512 ', '0512', '1e3', '-5', '512.5', '99999999999', '1000000', '999999'),
      ),
      { nil: undefined, freq: 2 },
    ),
    warnPercent: fc.oneof({ arbitrary: fc.constant(85), weight: 3 }, fc.integer({ min: 1, max: 97 })),
    mayWorkOut: fc.boolean(),
    share: fc.integer({ min: 30, max: 110 }),
    heapMB: fc.integer({ min: 50, max: 2500 }),
    constrained: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 9 },
      fc.constantFrom(0, 1, 512 * MIB, 2 ** 52 - 1, 2 ** 52, UNLIMITED),
    ),
  })
  .chain(({ share, heapMB, constrained, ...rest }) => {
    const sizes = Object.values(rest.files).flatMap(text => (typeof text === 'string' ? Number.parseInt(text, 10) : []))
    const inFiles = sizes.filter(n => n > 1e6 && n < 1e15)
    // Now and then the machine, or what the operator says, is just as large as a limit, or a unit more or less.
    const around = (unit: number) => inFiles.flatMap(n => [-1, 0, 1].map(by => `${n / unit + by}`))
    const seldom = (texts: readonly string[]) =>
      fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, fc.constantFrom(undefined, ...texts))
    return fc.tuple(seldom(around(1024)), seldom(around(MIB))).chain(([kib, mb]) => {
      const files = kib === undefined ? rest.files : { ...rest.files, '/proc/meminfo': `MemTotal:       ${kib} kB\n` }
      const operatorText = mb ?? rest.operatorText
      // Mostly a heap near a line of the container's: around half of it, 85 %, or 64 MB less than all.
      const limits = [...inFiles, Number(operatorText) * MIB].filter(n => n > 0)
      const near = limits.flatMap(n => [(n * rest.warnPercent) / 100, n * 0.5, n - 64 * MIB, (n * share) / 100])
      return fc.tuple(fc.constantFrom(heapMB * MIB, ...near, ...near), fc.constantFrom(-1, 0, 1)).map(([heap, by]) => ({
        ...rest,
        files,
        operatorText,
        // With another answer than the files' the soft limit would not be what Node took it for.
        constrained: constrained !== undefined && constrainedIn(files) >= UNLIMITED ? constrained : undefined,
        heapLimitBytes: Math.max(1, Math.floor(heap) + by),
      }))
    })
  })

t.test('wherever the quiet start speaks, the long way says the same line', async t => {
  let spoken = 0
  const seen = { v1: 0, v2: 0, env: 0, flag: 0, workedOut: 0 }
  fc.assert(
    fc.property(start, fc.constantFrom(1, 4242), (made, pid) => {
      const time = '2026-11-24T05:36:38.755Z'
      const line = quietWay(made, Date.parse(time), pid)
      if (line === undefined) return
      spoken++
      if (line.includes('"cgroup-v1"')) seen.v1++
      if (line.includes('"cgroup-v2"')) seen.v2++
      if (line.includes('"env"')) seen.env++
      if (line.includes('"flag"')) seen.flag++
      if (line.includes('"worked-out"')) seen.workedOut++
      const want = longWay(made, pid === 1, time, pid)
      if (line !== want) throw new Error(`quiet: ${line}\nlong:  ${want}`)
    }),
    { numRuns: numRuns * 4 },
  )
  t.comment(`${spoken} of ${numRuns * 4} starts were quiet: ${JSON.stringify(seen)}`)
  for (const [what, count] of Object.entries(seen)) t.ok(count > numRuns / 100, `${count} quiet starts of ${what}`)
})

t.test('a limit that is worked out is the one that V8 would have said, and its line says that', async t => {
  const made = {
    files: {
      '/proc/self/cgroup': '0::/\n',
      '/proc/meminfo': 'MemTotal:       24684096 kB\n',
      '/sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
      '/sys/fs/cgroup/memory.high': 'max\n',
    },
    nodeOptions: '--max-old-space-size=384 --require /opt/heapguard/preload.js',
    execArgv: [],
    operatorText: undefined,
    warnPercent: 85,
    heapLimitBytes: 387 * MIB,
    constrained: undefined,
    mayWorkOut: false,
  }
  const readText = (path: string): string => machine(made.files).readText(path) ?? ''
  const asked: string[] = []
  const budgetOf = (process: QuietProcess, sized: SizedProcess | undefined = SIZED, text = readText) => {
    const readLimit = () => {
      asked.push(`${sized?.arch}`)
      return bytes(387 * MIB)
    }
    return quietBudgetOf(process, process.execArgv.join(' '), 85, sized, readLimit, VERSION, text)
  }
  const process = processOf(made, 1)
  const read = quietBudgetOf(process, '', 85, undefined, () => bytes(387 * MIB), VERSION, readText)
  const workedOut = budgetOf(process)
  t.strictSame(asked, [], 'V8 is not asked')
  t.equal(workedOut?.heapLimitBytes, 387 * MIB)
  const mark = ',"heapLimitSource":"worked-out"'
  t.match(workedOut?.text, mark)
  t.equal(workedOut?.text.replace(mark, ''), read?.text, 'all else is the same')
  t.equal(budgetOf(process, { ...SIZED, arch: 'riscv64' })?.text, read?.text)
  t.strictSame(asked, ['riscv64'], 'a machine that is not known: V8 is asked')
  const [oldSpace, moves] = ['--max-old-space-size=384', '--optimize-for-size']
  for (const [NODE_OPTIONS, execArgv, name] of [
    [`${oldSpace} ${moves}`, [], 'in NODE_OPTIONS'],
    [oldSpace, [moves], 'on the command line'],
    [`${moves} ${oldSpace}`, ['--import=/app/hooks.mjs'], 'first in NODE_OPTIONS, behind a command line with a value'],
  ] as const) {
    asked.length = 0
    const { CONTAINER_MEMORY_MB } = process.env
    t.ok(budgetOf({ ...process, execArgv, env: { NODE_OPTIONS, CONTAINER_MEMORY_MB } }))
    t.strictSame(asked, ['x64'], `an option that moves the limit, ${name}: V8 is asked`)
  }
  asked.length = 0
  const unlimited = { ...made.files, '/sys/fs/cgroup/memory.max': 'max\n' }
  const onAHost = processOf({ ...made, files: unlimited, operatorText: '2000' }, 1)
  const budget = budgetOf(onAHost, SIZED, path => machine(unlimited).readText(path) ?? '')
  t.equal(budget?.heapLimitBytes, 576 * MIB, 'by the memory that Node sees, not the operator’s')
  t.strictSame(asked, [])
})

t.test('the end: the same line', async t => {
  const end = fc.record({
    reason: fc.constantFrom('exit' as const, 'uncaught' as const),
    exitCode: fc.integer({ min: 0, max: 255 }),
    peakRssBytes: fc.nat().map(kib => bytes(kib * 1024)),
    peakHeapUsedBytes: fc.nat().map(bytes),
    uptimeMs: fc.double({ min: 0, max: 1e9, noNaN: true }).map(millis),
  })
  fc.assert(
    fc.property(end, made => {
      const stamp = { time: '2026-11-24T05:36:38.755Z', pid: 7 }
      const { reason, exitCode, peakRssBytes, peakHeapUsedBytes, uptimeMs } = made
      // As main.ts reads it: seconds, from process.uptime().
      const uptimeS = Math.round((uptimeMs / 1000) * 10) / 10
      const line = quietEndOf(reason, exitCode, roundedMB(peakRssBytes), roundedMB(peakHeapUsedBytes), uptimeS)
      const long = jsonLine(shutdown({ ...made, uptimeMs: millis((uptimeMs / 1000) * 1000) }), stamp)
      t.equal(quietHead('shutdown', Date.parse(stamp.time), stamp.pid) + line, long)
    }),
    { numRuns: 200 },
  )
})

t.test('code under -e that looks like a flag is no flag', async t => {
  const execArgv = ['-e', 'a --max-old-space-size=5']
  const process = processOf(
    {
      files: {},
      nodeOptions: '',
      execArgv,
      operatorText: undefined,
      warnPercent: 85,
      heapLimitBytes: 1,
      constrained: 0,
      mayWorkOut: false,
    },
    1,
  )
  const readText = (path: string): string => {
    throw new Error(path)
  }
  t.equal(
    quietBudgetOf(process, execArgv.join(' '), 85, SIZED, () => bytes(1), VERSION, readText),
    undefined,
  )
})
