// Where V8 really gives up: a heap is filled until the process dies, and what it last said is held against the limit
// that the parser read off the same flags.
import { execFile } from 'node:child_process'
import t from 'tap'
import { readOldSpaceLimit } from '../../preload/core/flags.ts'
import { bytes, bytesToMB } from '../../preload/core/units.ts'

type Test = Parameters<Parameters<typeof t.test>[0]>[0]

/** Of the limit. Measured: at the last look V8 holds 90 to 100 % of it, over all majors and flags. */
const TOLERANCE = 0.12

/** A semi-space of 1 MB, since what is still in the young generation at the last look is not counted. */
const OLD_SPACE = ['--max-old-space-size=64', '--max-semi-space-size=1']
/** Old and young generation together, which V8 splits by its version. */
const WHOLE_HEAP = ['--max-heap-size=300']

/** Retains objects, and says at each step what the heap outside of the young generation holds. */
const FILL = `
  const { writeSync } = require('fs')
  const { getHeapStatistics, getHeapSpaceStatistics } = require('v8')
  const kept = []
  const oldSpace = () => getHeapSpaceStatistics()
    .reduce((sum, { space_name, space_used_size }) => sum + (space_name.startsWith('new') ? 0 : space_used_size), 0)
  for (;;) {
    for (let i = 0; i < 500; i++) kept.push({ i, list: [i] })
    writeSync(1, JSON.stringify({ used: oldSpace(), heapLimit: getHeapStatistics().heap_size_limit }) + '\\n')
  }`

interface Last {
  readonly used: number
  readonly heapLimit: number
}

const lastWords = (file: string, args: readonly string[]): Promise<Last> =>
  new Promise((done, fail) => {
    execFile(file, args, { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      const line = stdout.trimEnd().split('\n').at(-1)
      if (line === undefined || line === '' || !stderr.includes('heap out of memory')) return fail(error ?? stderr)
      done(JSON.parse(line))
    })
  })

const answers = (file: string, args: readonly string[]): Promise<string | undefined> =>
  new Promise(done => execFile(file, args, (error, stdout) => done(error === null ? stdout.trim() : undefined)))

async function dies(t: Test, run: readonly [string, ...string[]], flags: readonly string[]): Promise<unknown> {
  const [file, ...args] = run
  const nodeVersion = await answers(file, [...args, '--version'])
  const limit = readOldSpaceLimit({
    execArgv: flags,
    nodeOptions: undefined,
    nodeVersion: nodeVersion ?? '',
    memoryNodeSeesBytes: undefined,
  })
  if (limit.kind === 'none') return t.fail('no limit read')
  const last = await lastWords(file, [...args, ...flags, '-e', FILL])
  const share = last.used / limit.limitBytes
  const heapLimitMB = bytesToMB(bytes(last.heapLimit))
  t.comment(
    `${nodeVersion} ${flags.join(' ')}: died with ${bytesToMB(bytes(last.used)).toFixed(1)} MB, ${(share * 100).toFixed(1)} % of ` +
      `${bytesToMB(limit.limitBytes)} MB; heap_size_limit ${heapLimitMB} MB`,
  )
  return t.ok(Math.abs(share - 1) <= TOLERANCE, 'V8 gives up at the limit that was read')
}

t.test('on this machine', async t => {
  const node = process.env.HEAPGUARD_TEST_NODE ?? process.execPath
  for (const flags of [OLD_SPACE, WHOLE_HEAP]) await dies(t, ['env', '-i', node], flags)
})

t.test('in containers', { jobs: 2 }, async t => {
  for (const major of [20, 22, 24, 26])
    t.test(`Node ${major}`, async t => {
      const image = `node:${major}-bookworm-slim`
      const isHere = (await answers('docker', ['image', 'inspect', '-f', 'here', image])) === 'here'
      if (!isHere) return t.plan(0, `docker has no ${image} here`)
      const all = process.env.HEAPGUARD_TEST_FULL === undefined ? [OLD_SPACE] : [OLD_SPACE, WHOLE_HEAP]
      for (const flags of all) await dies(t, ['docker', 'run', '--rm', '-m', '512m', image, 'node'], flags)
    })
})
