// V8's limit, where a quiet start works it out: it is the one that V8 says, whatever flag the process has, and where it is
// not, that is said as soon as V8 is asked. test/container/heap-limit.test.ts asks under real limits.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { EMPTY, emptyFolder, GUARD, NODE, recordsIn, runNode } from './node.ts'

/** A heap that fits wherever this runs; a flag says that it is small on purpose. */
const FITS = { CONTAINER_MEMORY_MB: '900000' }
const LIMIT =
  "require('node:fs').writeSync(1, String(require('node:v8').getHeapStatistics().heap_size_limit / 1048576))"
/**
 * In a file: code on the command line would be a word with spaces among the flags. By no name that chance has made: of some
 * names of scripts (npm, heapguard) a quiet start knows nothing.
 */
const FOLDER = join(tmpdir(), `limit-${process.pid}`)
const SCRIPT = join(FOLDER, 'limit.cjs')
mkdirSync(FOLDER)
writeFileSync(SCRIPT, LIMIT)
t.teardown(() => rmSync(FOLDER, { recursive: true }))
const LARGE_MB = 15_360
const LARGE_ON_20_MB = 15_872

/** What the boot line says, and what V8 says in the same process. Some flags write files where it runs. */
async function both(flags: readonly string[], nodeOptions = '', env: Readonly<Record<string, string>> = FITS) {
  const { code, stdout, stderr } = await runNode({
    args: [...flags, SCRIPT],
    nodeOptions,
    preload: GUARD,
    env,
    cwd: FOLDER,
  })
  const [boot] = recordsIn(stderr)
  return { code, said: boot?.heapLimitMB, source: boot?.heapLimitSource, real: Math.round(Number(stdout) * 10) / 10 }
}

/** As the guard does: of another preload that is still in require.cache V8 is asked. */
const HIDES = 'delete require.cache[__filename]\n'

t.jobs = 2

t.test('with the flag of the documented line, before and behind other words, and on the command line', async t => {
  for (const [flags, nodeOptions] of [
    ...([
      [[], '--max-old-space-size=384'],
      [[], '--max-old-space-size=64'],
      [[], '--max-old-space-size=6000'],
    ] as const),
    ...([
      [['--max-old-space-size=300'], ''],
      [['--no-warnings'], '--max_old_space_size=200'],
    ] as const),
    ...([[['--enable-source-maps', '--max-old-space-size=333'], '--trace-warnings']] as const),
  ] as const) {
    const { code, said, source, real } = await both(flags, nodeOptions)
    const name = `${flags.join(' ')} ${nodeOptions}`
    t.equal(code, 0)
    t.equal(said, real, `${name}: ${real} MB`)
    t.equal(source, 'worked-out', name)
  }
})

/** A setting that the whole guard reads at the start, at its default. */
const WHOLE = { ...FITS, HEAPGUARD_PROFILE: 'true' }

t.test('the whole guard from the start works it out as a quiet start does', async t => {
  for (const [nodeOptions, source] of [
    ...([
      ['--max-old-space-size=384', 'worked-out'],
      ['--max_old_space_size=200 --no-warnings', 'worked-out'],
    ] as const),
    ...([['--max-semi-space-size=16 --max-old-space-size=384', undefined]] as const),
  ] as const)
    t.match(
      await both([], nodeOptions, WHOLE).then(({ real, ...seen }) => ({ ...seen, isRight: seen.said === real })),
      {
        code: 0,
        isRight: true,
        source,
      },
    )
  const warned = await both([], '--max-old-space-size=384', { CONTAINER_MEMORY_MB: '100' })
  t.match(warned, { said: warned.real, source: 'worked-out' }, 'where it does not fit, too')
})

t.test('without a flag', async t => {
  const { real } = await both([])
  const { said, source } = await both([], '', { CONTAINER_MEMORY_MB: String(Math.ceil((real * 4) / 3)) })
  t.equal(said, real)
  const totalMB = totalmem() / 1048576
  if (totalMB < LARGE_MB || totalMB >= LARGE_ON_20_MB) t.equal(source, 'worked-out')
})

t.test('a flag that moves the limit: V8 is asked', async t => {
  const { real: usual } = await both([], '--max-old-space-size=384')
  for (const flag of ['--optimize-for-size', '--optimize_for_size', '--lite-mode', '--stress-compaction']) {
    const { said, source, real } = await both([flag], '--max-old-space-size=384')
    t.equal(said, real, `${flag}: ${real} MB, not ${usual}`)
    t.not(real, usual, flag)
    t.equal(source, undefined, flag)
  }
})

t.test('a Node without getBuiltinModule (before 20.16): V8 is asked while the app has not begun', async t => {
  const folder = emptyFolder()
  const first = join(folder, 'first.cjs')
  writeFileSync(first, `delete process.getBuiltinModule; ${HIDES}`)
  const { said, source, real } = await both([], `--max-old-space-size=384 --require ${first}`)
  t.equal(said, real)
  t.equal(source, undefined)
})

for (const PROFILE of ['', 'true'])
  t.test(`behind another preload, which may have changed what is seen: V8 is asked (profile: ${PROFILE})`, async t => {
    const first = join(emptyFolder(), 'first.cjs')
    writeFileSync(first, "process.env.NODE_OPTIONS = '--max-old-space-size=384'\n")
    const { stdout, stderr } = await runNode({
      args: ['--require', first, '--require', GUARD, SCRIPT],
      env: { CONTAINER_MEMORY_MB: '600', HEAPGUARD_PROFILE: PROFILE },
      nodeOptions: '--max-old-space-size=1000',
    })
    const [boot, ...more] = recordsIn(stderr)
    t.match(boot, { event: 'heap-validated', heapLimitMB: Number(stdout), verdict: 'exceeds' })
    t.equal(boot?.heapLimitSource, undefined)
    t.match(more, [{ event: 'shutdown' }])
  })

for (const [how, env] of [
  ['a quiet start', FITS],
  ['the whole guard', WHOLE],
] as const)
  t.test(`${how}: where it is wrong the first look says what V8 says`, async t => {
    for (const [seenMB, oldSpaceMB] of [
      [384, 1000],
      [1000, 384],
    ] as const) {
      const first = join(emptyFolder(), 'first.cjs')
      // As a preload does that sets NODE_OPTIONS for the children of this process.
      writeFileSync(first, `process.env.NODE_OPTIONS = '--max-old-space-size=${seenMB}'; ${HIDES}`)
      const script = `${LIMIT}; setTimeout(() => {}, 1500)`
      const { stdout, stderr } = await runNode({
        args: ['--require', first, '--require', GUARD, '-e', script],
        env,
        nodeOptions: `--max-old-space-size=${oldSpaceMB}`,
      })
      const real = Number(stdout)
      const [boot, again, end, ...more] = recordsIn(stderr)
      const said = real + seenMB - oldSpaceMB
      t.match(boot, { event: 'heap-validated', heapLimitMB: said, heapLimitSource: 'worked-out' })
      t.match(again, { event: 'heap-validated', heapLimitMB: real, heapLimitSource: 'v8' }, 'and that it was asked')
      t.match(again?.msg, `At the start ${said} MB was worked out, and V8 says otherwise.`)
      t.match(end, { event: 'shutdown' })
      t.strictSame(more, [])
    }
  })

t.test('node:v8 is loaded at the first look, and not before', async t => {
  const list = 'process.moduleLoadList.some(name => /\\bv8$/.test(name))'
  const script = `const at = () => console.log(${list}); at(); setTimeout(at, 1500)`
  const options = { args: ['-e', script], env: FITS, nodeOptions: '--max-old-space-size=384' }
  t.equal((await runNode({ ...options, preload: GUARD })).stdout, 'false\ntrue\n')
  t.equal((await runNode({ ...options, env: WHOLE, preload: GUARD })).stdout, 'false\ntrue\n', 'the whole guard')
  t.equal((await runNode({ ...options, preload: EMPTY })).stdout, 'false\nfalse\n')
})

for (const [how, env] of [
  ['a quiet start', FITS],
  ['the whole guard', WHOLE],
] as const)
  t.test(`${how}: an app that has put its own in the place of v8.getHeapStatistics does not hear of it`, async t => {
    const script = `
    const v8 = require('node:v8')
    const { getHeapStatistics } = v8
    let calls = 0
    v8.getHeapStatistics = () => (calls++, getHeapStatistics())
    setTimeout(() => { v8.getHeapStatistics = getHeapStatistics }, 1700)
    // The watch goes on with V8's own: a heap that fills is told of.
    setTimeout(() => { console.log(calls); kept = []; for (let i = 0; i < 76; i++) kept.push(new Array(131072).fill(i)) }, 2600)
    setTimeout(() => {}, 5200)`
    const { code, stdout, stderr } = await runNode({
      args: ['-e', script],
      env,
      nodeOptions: '--max-old-space-size=84',
      preload: GUARD,
    })
    t.equal(code, 0)
    t.equal(stdout, '0\n')
    const events = recordsIn(stderr)
    t.match(events.slice(0, 2), [
      { event: 'heap-validated', heapLimitSource: 'worked-out' },
      { event: 'evidence-problem', what: 'heap', reason: 'the app has replaced a function of node:v8' },
    ])
    t.match(events.slice(2), [{ event: 'pressure', resource: 'heap' }])
  })

t.test('either of the two functions that are asked, replaced before the first look or behind it', async t => {
  const replacedAt = async (name: string, atMs: number, flags: readonly string[] = []) => {
    const script = `const v8 = require('node:v8'); const own = v8.${name}; let calls = 0
      const replace = () => { v8.${name} = () => (calls++, own()) }
      ${atMs} === 0 ? replace() : setTimeout(replace, ${atMs})
      setTimeout(() => console.log(calls), 1200)`
    const env = { ...FITS, HEAPGUARD_PULSE_MS: '100' }
    const { stdout, stderr } = await runNode({
      args: [...flags, '-e', script],
      env,
      nodeOptions: '--max-old-space-size=384',
      preload: GUARD,
    })
    t.equal(stdout, '0\n', `${name}: the guard does not call it`)
    const [boot, ...rest] = recordsIn(stderr)
    t.match(boot, { event: 'heap-validated' })
    t.equal(boot?.heapLimitSource, flags.length > 0 ? undefined : 'worked-out')
    return rest.map(({ event }) => event)
  }
  for (const name of ['getHeapStatistics', 'getHeapSpaceStatistics']) {
    t.strictSame(await replacedAt(name, 0), ['evidence-problem', 'shutdown'], `${name}: it is known for the app's`)
    t.strictSame(await replacedAt(name, 700), ['shutdown'], `${name}: V8's own were taken by then`)
    t.strictSame(
      await replacedAt(name, 0, ['--optimize-for-size']),
      ['shutdown'],
      `${name}: and at a start that asks V8`,
    )
  }
})

t.test('replaced by a preload before the guard: a whole guard goes by what it finds', async t => {
  const first = join(emptyFolder(), 'first.cjs')
  const own = "const v8 = require('node:v8'); const { getHeapStatistics } = v8"
  writeFileSync(first, `${own}; v8.getHeapStatistics = () => getHeapStatistics()\n`)
  const { stderr } = await runNode({
    args: ['-e', ''],
    env: { ...FITS, HEAPGUARD_PROFILE: 'true' },
    nodeOptions: `--max-old-space-size=384 --require ${first}`,
    preload: GUARD,
  })
  t.match(recordsIn(stderr), [{ event: 'heap-validated' }, { event: 'shutdown' }], stderr)
})

t.test('each flag of V8, one by one', { skip: !process.env.HEAPGUARD_TEST_FULL && 'only in test:full' }, async t => {
  const list = spawnSync(NODE, ['--v8-options'], { encoding: 'utf8', maxBuffer: 1 << 24 }).stdout
  const flags = [...list.matchAll(/^ +--([a-z0-9-]+) \(.*\n +type: (\w+)/gm)].flatMap(([, name = '', type = '']) =>
    /bool/.test(type) ? [`--${name}`, `--no-${name}`] : /int|size_t/.test(type) ? [`--${name}=1`, `--${name}=64`] : [],
  )
  t.ok(flags.length > 1000, `${flags.length} flags`)
  let workedOut = 0
  const queue = flags.slice()
  const next = async (): Promise<void> => {
    for (let flag = queue.pop(); flag !== undefined; flag = queue.pop()) {
      const { code, said, source, real } = await both([flag], '--max-old-space-size=384')
      // Some end the process, or write to stderr in the middle of a line.
      if (code !== 0 || said === undefined || !(real > 0)) continue
      if (source !== undefined) workedOut++
      if (said !== real) t.fail(`${flag}: said ${said}, and V8 says ${real}`)
    }
  }
  await Promise.all([next(), next()])
  t.ok(workedOut > flags.length / 2, `worked out with ${workedOut} of them`)
})
