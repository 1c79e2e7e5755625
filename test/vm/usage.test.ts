// Usage, pressure, events and a limit that moves, under a real cgroup v2. What a look costs is measured in a container: an
// emulated machine has other prices.
import t from 'tap'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import type { ContainerUsage } from '../../preload/core/usage.ts'
import { bundled, runInMachine, whyNoMachine } from './machine.ts'

const MIB = 1_048_576

/** What a script below finds out, printed as one line at its end. */
interface Told {
  readonly limits: readonly ContainerLimit[]
  readonly usages: readonly ContainerUsage[]
  readonly isSame?: boolean
}

/** A script in the machine: `look()` notes the usage, `say()` prints what was noted. */
const script = (lines: string): Promise<string> =>
  bundled(`
    import { spawnSync } from 'node:child_process'
    import { writeFileSync } from 'node:fs'
    import { readContainerLimit, readLimitAgain } from './preload/core/cgroup.ts'
    import { readUsage } from './preload/core/usage.ts'
    import { realHost } from './preload/host/host.ts'

    const { readText } = realHost()
    const GROUP = '/sys/fs/cgroup/pod/app'
    const told = { limits: [readContainerLimit(readText)], usages: [] }
    const look = () => told.usages.push(readUsage(readText, told.limits.at(-1).group, { kind: 'whole' }))
    const say = () => console.log('TOLD ' + JSON.stringify(told))
    const held = []
    const hold = mb => held.push(Buffer.alloc(mb * ${MIB}, 1))
    ${lines}
  `)

const toldIn = (output: string): Told => JSON.parse(/^TOLD (.*)$/m.exec(output)?.[1] ?? `"${output}"`)

t.test('usage under cgroup v2', { skip: whyNoMachine || false }, async t => {
  t.test('above memory.high: the kernel slows the group down, and that is readable', async t => {
    const { output, records, exit } = await runInMachine({
      memory: '400M',
      setup: 'echo 150M >$GROUP/memory.high',
      nodeOptions: '--max-old-space-size=64',
      script: await script(`
        writeFileSync('/tmp/file', Buffer.alloc(20 * ${MIB}, 1))
        look()
        // Not far above the line: there each page costs seconds.
        const isThrottled = () => readUsage(readText, told.limits[0].group, { kind: 'whole' }).events.high > 0
        for (let i = 0; i < 100 && !isThrottled(); i++) hold(2)
        hold(2)
        look(); say()
      `),
    })
    t.equal(exit, 0, output)
    t.match(records[0], { containerMemoryMB: 400, msg: /From 150 MB on the kernel slows .*app\/memory\.high/ })
    const { limits, usages } = toldIn(output)
    t.match(limits[0], { limitBytes: 400 * MIB, soft: { limitBytes: 150 * MIB }, confidence: 'high' })
    const [before, after] = usages as readonly [ContainerUsage, ContainerUsage]
    t.comment(JSON.stringify(usages))
    t.match(before.events, { high: 0, max: 0, oom: 0, oomKill: 0 })
    t.ok(Number(after.events?.high) > 0, 'it was throttled')
    for (const kind of ['some', 'full'] as const) {
      const [from = 0, to = 0] = [before.pressure?.[kind]?.totalMs, after.pressure?.[kind]?.totalMs]
      t.ok(to > from, `${kind}: ${from} ms, then ${to} ms`)
    }
    t.ok(Number(after.split?.anon) - Number(before.split?.anon) > 60 * MIB, 'Buffers are anonymous memory')
    t.ok(Number(before.split?.shmem) >= 20 * MIB, 'a file in a tmpfs is shmem')
    t.ok(Number(after.split?.kernel) > 0)
    t.ok(Number(after.workingSetBytes) <= Number(after.usageBytes))
    t.ok(Number(after.usageBytes) > 150 * MIB && Number(after.usageBytes) < 200 * MIB)
  })

  t.test('a child is killed: oom_kill counts it, this process lives', async t => {
    const { output, exit } = await runInMachine({
      memory: '160M',
      nodeOptions: '--max-old-space-size=64',
      script: await script(`
        look()
        const { signal } = spawnSync(process.execPath, ['-e', 'Buffer.alloc(300 * ${MIB}, 1)'], { env: {} })
        console.log('the child ended by ' + signal)
        look(); say()
      `),
    })
    t.equal(exit, 0, output)
    t.match(output, /the child ended by SIGKILL/)
    const [before, after] = toldIn(output).usages
    t.match(before?.events, { oomKill: 0 })
    t.match(after?.events, { oomKill: 1 })
    t.ok(Number(after?.events?.oom) > 0 && Number(after?.events?.max) > 0)
  })

  t.test('the limit moves, at the own level and at the one above: it is read again, and told', async t => {
    const { output, records, exit } = await runInMachine({
      memory: '512M',
      parentMemory: '1G',
      nodeOptions: '--max-old-space-size=128',
      env: { HEAPGUARD_PULSE_MS: '100' },
      script: await script(`
        const again = () => readLimitAgain(readText, told.limits.at(-1))
        told.isSame = again() === told.limits[0]
        for (const [file, text] of [[GROUP + '/memory.max', '256M'], [GROUP + '/../memory.max', '200M'],
          [GROUP + '/../memory.max', 'max'], [GROUP + '/memory.max', 'max']]) {
          writeFileSync(file, text)
          told.limits.push(again())
        }
        say()
        // Now so that the guard's own pulse sees each.
        const moves = ['300M', '128M', '512M']
        const next = () => {
          const size = moves.shift()
          if (size === undefined) return
          writeFileSync(GROUP + '/memory.max', size)
          setTimeout(next, 1500)
        }
        setTimeout(next, 1500)
      `),
    })
    t.equal(exit, 0, output)
    const { limits, isSame } = toldIn(output)
    t.equal(isSame, true, 'nothing moved: the same object')
    const app = '/sys/fs/cgroup/pod/app'
    t.match(limits, [
      { limitBytes: 512 * MIB, path: `${app}/memory.max`, above: [{ limitBytes: 1024 * MIB }] },
      { limitBytes: 256 * MIB, path: `${app}/memory.max` },
      { limitBytes: 200 * MIB, path: '/sys/fs/cgroup/pod/memory.max', group: { folder: '/sys/fs/cgroup/pod' } },
      { limitBytes: 256 * MIB, path: `${app}/memory.max`, group: { folder: app } },
      { kind: 'unlimited', reason: /no limit in/ },
    ])
    const changes = records.filter(({ event }) => event === 'limit-changed').slice(-3)
    t.match(changes, [
      { level: 'info', containerMemoryMB: 300, verdict: 'fits' },
      { level: 'warn', fromMB: 300, containerMemoryMB: 128, verdict: 'exceeds' },
      { level: 'info', fromMB: 128, containerMemoryMB: 512, verdict: 'fits' },
    ])
    t.comment(changes.map(({ msg }) => msg))
  })
})
