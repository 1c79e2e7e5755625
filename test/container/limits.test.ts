// What docker sets is what the guard finds, on the host's own kernel, cgroup v1 or v2; and what a look at it costs.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { baseImage, docker, output, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const majors = (HEAPGUARD_TEST_MAJORS || (HEAPGUARD_TEST_FULL ? '20 22 24 26' : '24')).split(/[\s,]+/)

const IMAGE = baseImage('24')
const SYS = '/sys/fs/cgroup'
const LIMIT_FILE = /^\/sys\/fs\/cgroup\/(.*\/)?memory\.(max|limit_in_bytes)$/
const LISTENS = 'setInterval(() => {}, 1000); console.log("ready")'
/** A sample whose files are all read may cost this many times process.memoryUsage(). */
const MOST_MEMORY_USAGES = 25

const missing = await whyNoDocker([...new Set(['24', ...majors])])
if (missing) t.pass('limits that docker sets', { skip: missing })
else await limitTests()

async function limitTests() {
  // A copy: a build in between takes dist away under the container.
  const heapguard = emptyFolder()
  cpSync(join(root, 'dist'), heapguard, { recursive: true })
  const isV2 = (await docker('info', '--format', '{{.CgroupVersion}}')) === '2'

  const startGuarded = (t: Test, args: readonly string[], script = LISTENS) =>
    start(t, IMAGE, {
      args: [
        ...['--network=none', '--volume', `${heapguard}:/opt/heapguard:ro`],
        ...['--env', 'NODE_OPTIONS=--require /opt/heapguard/preload.js', ...args],
      ],
      command: ['node', '-e', script],
    })

  for (const [name, args, want] of [
    ['-m', ['-m', '512m'], { containerMemoryMB: 512, containerMemoryPath: LIMIT_FILE, nodeSeesMB: undefined }],
    ['--memory-swap is no memory', ['-m', '256m', '--memory-swap', '512m'], { containerMemoryMB: 256 }],
    ['--memory-swap without end', ['-m', '256m', '--memory-swap', '-1'], { containerMemoryMB: 256 }],
    [
      '--memory-reservation is no limit, though Node takes that of v1 for one',
      ['-m', '512m', '--memory-reservation', '128m'],
      { containerMemoryMB: 512, containerMemoryPath: LIMIT_FILE, nodeSeesMB: isV2 ? undefined : 128 },
    ],
    [
      'no limit: that is said, and 512 MB are assumed',
      [],
      {
        level: 'warn',
        containerMemoryMB: 512,
        containerMemorySource: 'default',
        containerMemoryPath: undefined,
        msg: /no limit in .*512 MB is assumed: set CONTAINER_MEMORY_MB/,
      },
    ],
    [
      'no limit, and the operator knows better',
      ['--env', 'CONTAINER_MEMORY_MB=3072'],
      { containerMemoryMB: 3072, containerMemorySource: 'env', containerMemoryPath: 'CONTAINER_MEMORY_MB' },
    ],
  ] as const)
    t.test(name, async t => {
      const container = await startGuarded(t, args)
      const isKernels = !('containerMemorySource' in want)
      const source = isKernels ? { containerMemorySource: isV2 ? 'cgroup-v2' : 'cgroup-v1' } : {}
      t.match((await container.booted()).record, { ...source, ...want })
      t.ok(await container.said((_, { text }) => text === 'ready'), 'and the app runs')
    })

  t.test(
    "an operator's number above the kernel's decides the verdict, and the kernel's is said to be lower",
    async t => {
      const container = await startGuarded(t, ['-m', '512m', '--env', 'CONTAINER_MEMORY_MB=1024'])
      t.match((await container.booted()).record, { containerMemoryMB: 1024, containerMemorySource: 'env' })
      const { record } = await container.said(({ event }) => event === 'config-problem')
      t.match(record, { variable: 'CONTAINER_MEMORY_MB', msg: /512/ })
    },
  )

  const parent = await makeParent(t, isV2)
  if ('missing' in parent) t.pass('a parent that is tighter than the container', { skip: parent.missing })
  else
    t.test('a parent that is tighter than the container, which Node does not see', async t => {
      // The host's namespace, as is usual on v1: in a private one v2 shows nothing of the groups above.
      const args = ['--cgroupns=host', '--cgroup-parent', parent.name, '-m', '512m']
      const container = await startGuarded(t, args)
      t.match((await container.booted()).record, {
        containerMemoryMB: 256,
        // v1 mounts the container's own group alone, but its memory.stat knows of the parent.
        containerMemoryPath: isV2 ? `${SYS}${parent.name}/memory.max` : `${SYS}/memory/memory.stat`,
        nodeSeesMB: 512,
      })
    })

  t.test("a memory line tells the container's usage, as the kernel does at that time", async t => {
    const holds = 'globalThis.held = Buffer.alloc(150 * 1048576, 1); setInterval(() => {}, 1000); console.log("ready")'
    const container = await startGuarded(t, ['-m', '512m', '--env', 'HEAPGUARD_INTERVAL_MS=200'], holds)
    const ready = await container.said((_, { text }) => text === 'ready')
    const { record } = await container.said(({ event }, { at }) => event === 'memory' && at > ready.at)
    const file = isV2 ? `${SYS}/memory.current` : `${SYS}/memory/memory.usage_in_bytes`
    const usageMB = Number(await container.exec('cat', file)) / 1_048_576
    const { containerUsageMB, containerWorkingSetMB } = record as unknown as Record<string, number>
    t.ok(Math.abs(Number(containerUsageMB) - usageMB) < 32, `${containerUsageMB} MB, then ${usageMB} MB`)
    t.ok(Number(containerWorkingSetMB) > 150 && Number(containerWorkingSetMB) <= Number(containerUsageMB))
    t.match(record, { containerMemoryMB: 512 })
  })

  t.test('docker update while it runs: the limit is judged again, each time that it moves', async t => {
    const heap = ['--env', 'NODE_OPTIONS=--max-old-space-size=300 --require /opt/heapguard/preload.js']
    const container = await startGuarded(t, ['-m', '512m', ...heap, '--env', 'HEAPGUARD_PULSE_MS=100'])
    t.match((await container.booted()).record, { containerMemoryMB: 512, verdict: 'fits' })
    await container.said((_, { text }) => text === 'ready')
    for (const [size, want] of [
      ['256m', { level: 'warn', fromMB: 512, containerMemoryMB: 256, verdict: 'exceeds' }],
      ['1g', { level: 'info', fromMB: 256, containerMemoryMB: 1024, verdict: 'fits' }],
    ] as const) {
      await docker('update', '-m', size, '--memory-swap', '2g', container.id)
      const changed = await container.said(
        record => record.event === 'limit-changed' && record.containerMemoryMB === want.containerMemoryMB,
      )
      t.match(changed.record, want)
    }
    t.equal(container.lines('stderr').filter(line => line.includes('"limit-changed"')).length, 2, 'once each')
  })

  for (const major of majors)
    t.test(`a sample on Node ${major} costs at most ${MOST_MEMORY_USAGES} times process.memoryUsage()`, async t => {
      const folder = emptyFolder()
      await build({
        stdin: { contents: COST, resolveDir: root, loader: 'js' },
        bundle: true,
        platform: 'node',
        target: 'es2019',
        format: 'cjs',
        outfile: join(folder, 'cost.cjs'),
      })
      const mount = ['--network=none', '-m', '512m', '--volume', `${folder}:/cost:ro`]
      const costs: Record<string, number> = JSON.parse(
        await output(baseImage(major), ['node', '/cost/cost.cjs'], mount),
      )
      const { memoryUsage = 0, heapLimit = 0, calm = 0, whole = 0, limitAgain = 0 } = costs
      const times = (micros: number) => micros / memoryUsage
      for (const [step, micros] of Object.entries(costs))
        t.comment(`Node ${major} ${step}: ${micros.toFixed(1)} us, ${times(micros).toFixed(1)} x memoryUsage`)
      t.ok(times(memoryUsage + heapLimit + whole + limitAgain) <= MOST_MEMORY_USAGES, 'with all files and the limit')
      t.ok(calm < whole, 'and a calm look costs less')
    })
}

/** A group of 256 MB for the container to be started in; it is removed when the tests have ended. */
async function makeParent(t: Test, isV2: boolean): Promise<{ name: string } | { missing: string }> {
  if ((await docker('info', '--format', '{{.CgroupDriver}}')) !== 'cgroupfs')
    return { missing: 'here docker takes its parent groups from systemd' }
  const name = `/heapguard-test-${process.pid}`
  const folder = `${SYS}${isV2 ? '' : '/memory'}${name}`
  const [file, value] = [isV2 ? 'memory.max' : 'memory.limit_in_bytes', `${256 * 1_048_576}`]
  try {
    mkdirSync(folder)
    // Docker makes the parent in every hierarchy.
    const hierarchies = isV2 ? [''] : readdirSync(SYS).map(hierarchy => `/${hierarchy}`)
    const made = () => hierarchies.map(hierarchy => `${SYS}${hierarchy}${name}`).filter(existsSync)
    t.teardown(() => made().forEach(group => void rmdirSync(group)))
    writeFileSync(join(folder, file), value)
    if (readFileSync(join(folder, file), 'utf8').trim() !== value) return { missing: `${folder} keeps no limit` }
    return { name }
  } catch (error) {
    return { missing: `no group can be made in ${SYS}: ${(error as NodeJS.ErrnoException).code}` }
  }
}

/**
 * Runs in the container. The median of single calls, which a busy machine hardly moves: it interrupts a few of them, but
 * nearly every block of a hundred. Each step runs in blocks all the same, as warm as memoryUsage beside it.
 */
const COST = `
  import { readContainerLimit, readLimitAgain } from './preload/core/cgroup.ts'
  import { readUsage } from './preload/core/usage.ts'
  import { realHost } from './preload/host/host.ts'

  const host = realHost()
  const limit = readContainerLimit(host.readText)
  const calm = { kind: 'calm', belowBytes: limit.limitBytes }
  const steps = {
    memoryUsage: () => host.memory(),
    heapLimit: () => host.heapLimit(),
    calm: () => readUsage(host.readText, limit.group, calm),
    whole: () => readUsage(host.readText, limit.group, { kind: 'whole' }),
    limitAgain: () => readLimitAgain(host.readText, limit),
  }
  const calls = Object.fromEntries(Object.keys(steps).map(name => [name, []]))
  for (let block = 0; block < 20; block++)
    for (const name in steps)
      for (let n = 0; n < 100; n++) {
        const began = process.hrtime.bigint()
        steps[name]()
        calls[name].push(Number(process.hrtime.bigint() - began) / 1000)
      }
  const median = values => values.sort((a, b) => a - b)[values.length >> 1]
  console.log(JSON.stringify(Object.fromEntries(Object.entries(calls).map(([name, values]) => [name, median(values)]))))
`
