// Each row is judged twice: what the parser says, and what a real Node says when it is started with the same words.
import { execFile } from 'node:child_process'
import t from 'tap'
import { type OldSpaceLimit, readOldSpaceLimit } from '../../preload/core/flags.ts'
import { bytes, bytesToMB, mbToBytes } from '../../preload/core/units.ts'

const node = process.env.HEAPGUARD_TEST_NODE ?? process.execPath

/** The limit in MB, `percent` of what Node sees, V8's own choice, or a Node that does not start. */
type Want = number | { readonly percent: number } | 'V8 chooses' | 'does not start'

interface Case {
  readonly name: string
  readonly env?: string
  readonly argv?: readonly string[]
  readonly want: Want
  /** Node 20 knows no percentage, and 20 and 22 take --max-heap-size on the command line alone. */
  readonly since?: number
}

const cases: readonly Case[] = [
  { name: 'no flag', want: 'V8 chooses' },
  { name: 'NODE_OPTIONS', env: '--max-old-space-size=384', want: 384 },
  { name: 'the command line', argv: ['--max-old-space-size=384'], want: 384 },
  {
    name: 'the command line beats NODE_OPTIONS',
    env: '--max-old-space-size=384',
    argv: ['--max-old-space-size=200'],
    want: 200,
  },
  { name: 'the last of two wins', env: '--max-old-space-size=384 --max-old-space-size=200', want: 200 },
  { name: 'underscores', env: '--max_old_space_size=384', want: 384 },
  { name: 'underscores and dashes mixed', argv: ['--max_old-space_size=384'], want: 384 },
  {
    name: 'two spellings are one flag',
    env: '--max_old_space_size=384',
    argv: ['--max-old-space-size=200'],
    want: 200,
  },
  { name: 'one dash on the command line', argv: ['-max-old-space-size=384'], want: 384 },
  { name: 'one dash in NODE_OPTIONS', env: '-max-old-space-size=384', want: 'does not start' },
  { name: 'capitals', env: '--max-OLD-space-size=384', want: 'does not start' },
  { name: 'double quotes around the word', env: '"--max-old-space-size=384"', want: 384 },
  { name: 'double quotes around the value', env: '--max-old-space-size="384"', want: 384 },
  { name: 'an escape in quotes', env: '"--max-old-space-size=3\\84"', want: 384 },
  { name: 'single quotes hide the flag from Node', env: "'--max-old-space-size=384'", want: 'V8 chooses' },
  { name: 'an empty pair of quotes before it', env: '"" --max-old-space-size=384', want: 384 },
  { name: 'an open quote', env: '--max-old-space-size=384 "', want: 'does not start' },
  { name: 'a tab between flags', env: '--no-warnings\t--max-old-space-size=384', want: 'does not start' },
  { name: 'a stray word ends what Node reads', env: 'stray --max-old-space-size=384', want: 'V8 chooses' },
  { name: 'a stray word after it', env: '--max-old-space-size=384 stray --max-old-space-size=200', want: 384 },
  { name: 'the value of another option is no stray word', env: '--title app --max-old-space-size=384', want: 384 },
  { name: 'a space after the equals sign', env: '--max-old-space-size= 384', want: 'V8 chooses' },
  { name: 'a value in a word of its own', env: '--max-old-space-size 384', want: 'does not start' },
  { name: 'a value in a word of its own, command line', argv: ['--max-old-space-size', '384'], want: 'does not start' },
  { name: 'zero means not set', env: '--max-old-space-size=0', want: 'V8 chooses' },
  { name: 'nothing means zero', env: '--max-old-space-size=', want: 'V8 chooses' },
  {
    name: 'zero takes back what was set',
    env: '--max-old-space-size=384',
    argv: ['--max-old-space-size=0'],
    want: 'V8 chooses',
  },
  { name: 'minus zero takes it back too', env: '--max-old-space-size=384 --max-old-space-size=-0', want: 'V8 chooses' },
  { name: 'a negative value is passed over', env: '--max-old-space-size=384 --max-old-space-size=-1', want: 384 },
  { name: 'a negative value alone is nothing', env: '--max-old-space-size=-1', want: 'V8 chooses' },
  { name: '2^63 is passed over', env: '--max-old-space-size=384 --max-old-space-size=9223372036854775808', want: 384 },
  { name: 'a plus sign', env: '--max-old-space-size=+384', want: 384 },
  { name: 'zeros in front', env: '--max-old-space-size=0384', want: 384 },
  { name: 'white space in front', argv: ['--max-old-space-size=\t\n 384'], want: 384 },
  { name: 'white space behind', argv: ['--max-old-space-size=384 '], want: 'does not start' },
  { name: 'letters', env: '--max-old-space-size=abc', want: 'does not start' },
  { name: 'a unit', env: '--max-old-space-size=384m', want: 'does not start' },
  { name: 'a fraction', env: '--max-old-space-size=1.5', want: 'does not start' },
  { name: 'an exponent', env: '--max-old-space-size=1e3', want: 'does not start' },
  { name: 'more than any machine has', env: '--max-old-space-size=99999999', want: 99_999_999 },
  { name: 'the heap as a whole, less three semi-spaces', argv: ['--max-heap-size=500'], want: 452 },
  { name: 'the heap as a whole, in NODE_OPTIONS', env: '--max_heap_size=500', want: 452, since: 24 },
  { name: 'the heap as a whole, taken back', argv: ['--max-heap-size=500', '--max-heap-size=0'], want: 'V8 chooses' },
  { name: 'the heap as a whole, zero old space', argv: ['--max-heap-size=500', '--max-old-space-size=0'], want: 452 },
  { name: 'a percentage', env: '--max-old-space-size-percentage=10', want: { percent: 10 }, since: 22 },
  {
    name: 'a percentage in a word of its own',
    env: '--max-old-space-size-percentage 10',
    want: { percent: 10 },
    since: 22,
  },
  {
    name: 'a percentage in underscores',
    argv: ['--max_old_space_size_percentage', '10'],
    want: { percent: 10 },
    since: 22,
  },
  {
    name: 'a percentage that is no whole number',
    env: '--max-old-space-size-percentage=33.3',
    want: { percent: 33.3 },
    since: 22,
  },
  {
    name: 'a percentage beats a size after it',
    env: '--max-old-space-size-percentage=10 --max-old-space-size=384',
    want: { percent: 10 },
    since: 22,
  },
  {
    name: 'a percentage beats the command line',
    env: '--max-old-space-size-percentage=10',
    argv: ['--max-old-space-size=384'],
    want: { percent: 10 },
    since: 22,
  },
  {
    name: 'of two percentages the last',
    env: '--max-old-space-size-percentage=10',
    argv: ['--max-old-space-size-percentage=7'],
    want: { percent: 7 },
    since: 22,
  },
  {
    name: 'a percentage too small for one MB',
    env: '--max-old-space-size=384 --max-old-space-size-percentage=0.0001',
    want: 'V8 chooses',
    since: 22,
  },
  { name: 'all of it', env: '--max-old-space-size-percentage=100', want: { percent: 100 }, since: 22 },
  { name: 'more than all of it', env: '--max-old-space-size-percentage=100.1', want: 'does not start' },
  { name: 'none of it', env: '--max-old-space-size-percentage=0', want: 'does not start' },
  { name: 'a percentage that is no number', env: '--max-old-space-size-percentage=nan', want: 'V8 chooses', since: 22 },
  { name: 'a percentage without one', env: '--max-old-space-size-percentage=', want: 'does not start' },
]

/** Pins the young generation at 48 MB, so that heap_size_limit less 48 is the old space on every version. */
const PINNED = '--max-semi-space-size=16'
const SEEN = bytes(1000.9 * 1_048_576)

const mbOf = (limit: OldSpaceLimit) => (limit.kind === 'set' ? bytesToMB(limit.limitBytes) : 'V8 chooses')

t.test('what the parser says', async t => {
  for (const { name, env, argv = [], want } of cases) {
    if (want === 'does not start') continue
    const limit = readOldSpaceLimit({
      execArgv: [PINNED, ...argv],
      nodeOptions: env,
      nodeVersion: 'v24.21.0',
      memoryNodeSeesBytes: SEEN,
    })
    t.equal(mbOf(limit), typeof want === 'object' ? Math.floor(10 * want.percent) : want, name)
  }
})

interface Observed {
  readonly limitMB: number
  readonly execArgv: readonly string[]
  readonly seen: number
}

const OBSERVE = `JSON.stringify({
  limitMB: v8.getHeapStatistics().heap_size_limit / 1048576 - 48,
  execArgv: process.execArgv,
  seen: process.constrainedMemory() > 0 && process.constrainedMemory() < os.totalmem() ? process.constrainedMemory() : os.totalmem(),
})`

/**
 * What this Node makes of the words; undefined where it does not start. Through env(1), because tap puts a loader of its
 * own into the NODE_OPTIONS of children.
 */
const observe = (env: string | undefined, argv: readonly string[]): Promise<Observed | undefined> =>
  new Promise((done, fail) => {
    const environment = env === undefined ? [] : [`NODE_OPTIONS=${env}`]
    execFile('env', ['-i', ...environment, node, PINNED, ...argv, '-p', OBSERVE], (error, stdout) => {
      if (error === null) return done(JSON.parse(stdout))
      if (error.code === 9) return done(undefined)
      fail(error)
    })
  })

t.test('what Node says', { jobs: 4 }, async t => {
  const version = await new Promise<string>(done => execFile(node, ['-v'], (_, stdout) => done(stdout.trim())))
  const unset = await observe(undefined, [])
  t.comment(node, version, unset)
  for (const { name, env, argv = [], want, since = 0 } of cases) {
    t.test(name, async t => {
      const observed = await observe(env, argv)
      if (observed === undefined) {
        return t.ok(want === 'does not start' || Number.parseInt(version.slice(1), 10) < since, 'Node refuses it')
      }
      const limit = readOldSpaceLimit({
        execArgv: observed.execArgv,
        nodeOptions: env,
        nodeVersion: version,
        memoryNodeSeesBytes: bytes(observed.seen),
      })
      t.not(want, 'does not start')
      t.equal(limit.kind === 'set' ? mbOf(limit) : unset?.limitMB, observed.limitMB)
    })
  }
})

t.test('a limit says which flag it is, as written, and from where', async t => {
  const facts = { nodeVersion: 'v24.21.0', memoryNodeSeesBytes: SEEN }
  const set = { kind: 'set', limitBytes: mbToBytes(384) }
  for (const [name, env, argv, want] of [
    [
      'a flag',
      '--max_old_space_size=384',
      [],
      { ...set, source: 'flag', text: '--max_old_space_size=384', from: 'NODE_OPTIONS' },
    ],
    [
      'the command line',
      '',
      ['--max-old-space-size=384'],
      { ...set, source: 'flag', text: '--max-old-space-size=384', from: 'command line' },
    ],
    [
      'one passed over',
      '--max-old-space-size=384',
      ['--max-old-space-size=-1'],
      { ...set, source: 'flag', text: '--max-old-space-size=384', from: 'NODE_OPTIONS' },
    ],
    [
      'a percentage',
      '--max-old-space-size-percentage 38.4',
      [],
      { ...set, source: 'percentage-flag', text: '--max-old-space-size-percentage 38.4', from: 'NODE_OPTIONS' },
    ],
    [
      'the heap',
      '',
      ['--max-heap-size=432'],
      { ...set, source: 'max-heap-size', text: '--max-heap-size=432', from: 'command line' },
    ],
  ] as const)
    t.strictSame(readOldSpaceLimit({ ...facts, nodeOptions: env, execArgv: argv }), want, name)
})

t.test('what cannot be known is not given', async t => {
  const facts = { nodeVersion: 'v24.21.0', memoryNodeSeesBytes: undefined, nodeOptions: undefined }
  for (const [name, argv] of [
    ['a percentage of a memory that is not known', ['--max-old-space-size-percentage=50']],
    ['bytes beyond the safe integers', ['--max-old-space-size=8589934592']],
    ['a heap smaller than its young generation', ['--max-heap-size=48', PINNED]],
  ] as const)
    t.strictSame(readOldSpaceLimit({ ...facts, execArgv: argv }), { kind: 'none' }, name)
  const last = readOldSpaceLimit({ ...facts, execArgv: ['--max-old-space-size=8589934591'] })
  t.equal(mbOf(last), 8_589_934_591, 'the last that is safe')
})

t.test('the heap as a whole is split by the version', async t => {
  for (const [version, heapMB, want] of [
    ['v20.20.0', 259, 256],
    ['v22.23.0', 260, 248],
    ['v22.23.0', 524, 512],
    ['v22.23.0', 525, 501],
    ['v22.23.0', 1048, 1024],
    ['v22.23.0', 1049, 1001],
    ['v24.21.0', 259, 256],
    ['v24.21.0', 260, 212],
    ['v24.21.0', 560, 512],
    ['v24.21.0', 561, 465],
    ['v25.1.0', 1120, 1024],
    ['v25.1.0', 1121, 929],
    ['v26.10.0', 64, 58],
    ['v26.10.0', 65, 53],
    ['v26.10.0', 128, 116],
    ['v26.10.0', 129, 105],
    ['v26.10.0', 256, 232],
    ['v26.10.0', 257, 209],
    ['v26.10.0', 512, 464],
    ['v26.10.0', 513, 417],
  ] as const) {
    const execArgv = [`--max-heap-size=${heapMB}`]
    const limit = readOldSpaceLimit({
      execArgv,
      nodeOptions: undefined,
      nodeVersion: version,
      memoryNodeSeesBytes: SEEN,
    })
    t.equal(mbOf(limit), want, `${version} ${heapMB}`)
  }
})
