// The container's limit moves to another level of its groups while the app runs, in real Node on the built bundle: the
// counters of one level are not held against those of another.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { type Files, MIB, v2 } from '../fixtures/cgroup.ts'
import { emptyFolder, GUARD, recordsIn, type Start, startNode } from './node.ts'
import { freePort, scrape } from './scrape.ts'

t.jobs = 2

const KERNEL = `--max-old-space-size=64 --require ${resolve('test/fixtures/kernel-files.cjs')}`

const groupOf = (path: string, limitMB: number, kills: number): Files => ({
  [`${path}/memory.max`]: `${limitMB * MIB}\n`,
  [`${path}/memory.current`]: `${100 * MIB}\n`,
  [`${path}/memory.stat`]: `anon ${90 * MIB}\nfile 0\nshmem 0\ninactive_file 0\n`,
  [`${path}/memory.events`]: `low 0\nhigh 0\nmax 0\noom 0\noom_kill ${kills}\n`,
})

/** A pod of 600 MB in which the kernel has killed three, and in it the app's own group, in which it has killed none. */
function laidOut(appMB: number) {
  const folder = emptyFolder()
  const files = v2('0::/pod/app', { ...groupOf('pod', 600, 3), ...groupOf('pod/app', appMB, 0) })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(folder + path), { recursive: true })
    writeFileSync(folder + path, text as string)
  }
  const start = (script: string, env: Start['env'] = {}): Start => ({
    args: ['-e', script],
    preload: GUARD,
    nodeOptions: KERNEL,
    env: { KERNEL_FILES: folder, HEAPGUARD_PULSE_MS: '50', ...env },
  })
  return { start, move: (mb: number) => writeFileSync(`${folder}/sys/fs/cgroup/pod/app/memory.max`, `${mb * MIB}\n`) }
}
const LIVES = "process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1000)"
const ofMemory = (stderr: string) => recordsIn(stderr).filter(({ event }) => /limit|kill|death/.test(event))

t.test('a level whose counter is higher is the least now: nobody was killed', async t => {
  const { start, move } = laidOut(500)
  const running = startNode(start(LIVES, { HEAPGUARD_INTERVAL_MS: '100' }))
  await running.complains('"event":"memory"')
  move(1000)
  await running.complains('"event":"limit-changed"')
  // A look at the other level. What is known of kills is said at the end at the latest.
  await running.complains('"containerMemoryMB":600,"containerRatio"')
  running.child.kill('SIGTERM')
  const { stderr } = await running.ended
  t.match(ofMemory(stderr), [{ event: 'limit-changed', fromMB: 500, containerMemoryMB: 600 }])
  t.equal(ofMemory(stderr).length, 1)
})

t.test('a record whose last looks were of another level: no kill is read out of it', async t => {
  const { start, move } = laidOut(1000)
  const dir = emptyFolder()
  const running = startNode(start(LIVES, { HEAPGUARD_DIR: dir }))
  const record = (): string => readdirSync(dir).find(name => name.endsWith('.run')) ?? ''
  while (record() === '') await new Promise(done => setTimeout(done, 50))
  move(500)
  await running.complains('"event":"limit-changed"')
  const before = readFileSync(join(dir, record()), 'latin1')
  while (readFileSync(join(dir, record()), 'latin1') === before) await new Promise(done => setTimeout(done, 50))
  running.child.kill('SIGKILL')
  await running.ended
  move(1000)
  const next = startNode(start(LIVES, { HEAPGUARD_DIR: dir }))
  await next.complains('"event":"previous-death"')
  next.child.kill('SIGKILL')
  const { stderr } = await next.ended
  t.match(ofMemory(stderr), [{ death: 'killed-from-outside', confidence: 'possible' }])
})

t.test('a scrape tells of no kills that were another level’s before', async t => {
  const { start, move } = laidOut(500)
  const port = await freePort()
  const running = startNode(start(LIVES, { HEAPGUARD_METRICS: String(port) }))
  const figures = async () => {
    const { body_ } = await scrape(port)
    return ['heapguard_container_limit_bytes', 'heapguard_oom_kills_total'].map(name =>
      Number(new RegExp(`^${name} (\\d+)`, 'm').exec(body_)?.[1]),
    )
  }
  t.strictSame(await figures(), [500 * MIB, 0])
  move(1000)
  await running.complains('"event":"limit-changed"')
  let [limit, kills] = await figures()
  while (limit !== 600 * MIB) [limit, kills] = await figures()
  t.equal(kills, 0)
  running.child.kill('SIGKILL')
  await running.ended
})
