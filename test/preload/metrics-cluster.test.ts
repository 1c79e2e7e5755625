// One metrics port, many processes: one has it, the others say so once, and when it is free another takes it.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, recordsIn, startNode } from './node.ts'
import { freePort, say, scrape, valuesIn } from './scrape.ts'

const CLOCK = resolve('test/fixtures/clock-that-jumps.cjs')

/** Three workers with one port, which their parent has not. `minute` sets their clocks forward, a pid ends that worker. */
const APP = `
const cluster = require('node:cluster')
if (cluster.isPrimary) {
  for (let n = 0; n < 3; n++) cluster.fork({ HEAPGUARD_METRICS: process.env.PORT })
  const alive = () => Object.values(cluster.workers)
  process.stdin.on('data', text => {
    for (const word of String(text).trim().split(' '))
      if (word === 'minute') for (const worker of alive()) worker.send(word)
      else alive().find(({ process: { pid } }) => pid === Number(word)).process.kill('SIGKILL')
  })
  cluster.on('exit', worker => console.log('gone', worker.process.pid))
} else {
  process.on('message', () => {
    clock.aheadS += 61
    // The guard has looked when it has asked for the time often enough since.
    const enough = clock.asked + 20
    const waiting = setInterval(() => {
      if (clock.asked < enough) return
      clearInterval(waiting)
      console.log('later', process.pid)
    }, 10)
  })
  console.log('worker', process.pid)
}`

/** Who listens on the port, of these processes; the kernel's tables say it. */
function holderOf(port: number, pids: readonly number[]): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const [row = ''] = readFileSync('/proc/net/tcp', 'utf8').match(new RegExp(`^.*0100007F:${hex} .* 0A .*$`, 'm')) ?? []
  const inode = row.trim().split(/\s+/)[9]
  return pids.find(pid =>
    readdirSync(`/proc/${pid}/fd`).some(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
      } catch {
        return false
      }
    }),
  )
}

t.test('a cluster of three: one serves, two say why not, and each takes over in its turn', async t => {
  const port = await freePort()
  const file = join(emptyFolder(), 'app.cjs')
  writeFileSync(file, APP)
  const app = startNode({
    args: [file],
    preload: GUARD,
    nodeOptions: `--max-old-space-size=96 --require ${CLOCK}`,
    stdin: 'pipe',
    env: {
      PORT: String(port),
      HEAPGUARD_PULSE_MS: '50',
      HEAPGUARD_INTERVAL_MS: '0',
      CONTAINER_MEMORY_MB: '1000000',
    },
  })
  let [stdout, stderr] = ['', '']
  app.child.stdout?.on('data', text => {
    stdout += text
  })
  app.child.stderr?.on('data', text => {
    stderr += text
  })
  const pidsOf = (word: string) =>
    [...stdout.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map(match => Number(match[1]))
  const refused = () =>
    recordsIn(stderr).filter(({ event, what }) => event === 'evidence-problem' && what === 'metrics')
  const until = async (isSo: () => boolean) => {
    const giveUpAt = Date.now() + 10_000
    while (!isSo()) {
      if (Date.now() > giveUpAt) throw new Error(`not so: ${isSo}\n${stdout}\n${stderr}`)
      await new Promise(done => setTimeout(done, 20))
    }
  }

  await until(() => pidsOf('worker').length === 3 && refused().length === 2)
  let alive = pidsOf('worker')
  const startOf = async () => valuesIn((await scrape(port)).body_).process_start_time_seconds
  const starts = [await startOf()]
  let holder = holderOf(port, alive)
  t.strictSame(
    new Set(refused().map(({ pid }) => pid)),
    new Set(alive.filter(pid => pid !== holder)),
    'the two that have it not',
  )
  for (const line of refused()) t.match(line, { level: 'info', reason: 'EADDRINUSE' })

  for (const left of [2, 1]) {
    app.child.stdin?.write(`${holder}\n`)
    await until(() => pidsOf('gone').includes(holder ?? 0))
    alive = alive.filter(pid => pid !== holder)
    t.equal(alive.length, left)
    await t.rejects(say(port, ''), { code: 'ECONNREFUSED' }, 'nobody asks before the minute is over')
    const laterBefore = pidsOf('later').length
    app.child.stdin?.write('minute\n')
    await until(() => pidsOf('later').length === laterBefore + left)
    starts.push(await startOf())
    holder = holderOf(port, alive)
    t.ok(holder, `${holder} took over`)
  }
  t.equal(new Set(starts).size, 3, 'three processes have answered')
  t.equal(refused().length, 2, 'and nobody has said more')
  app.child.kill('SIGKILL')
  await app.ended
})
