// The looks one after the other, on a clock of the test's own: what comes with time, without waiting for it.
import t from 'tap'
import { budgetOf } from '../../preload/core/budget.ts'
import { readContainerLimit } from '../../preload/core/cgroup.ts'
import type { Entry } from '../../preload/core/record.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { mbToBytes, millis } from '../../preload/core/units.ts'
import type { Host } from '../../preload/host/host.ts'
import { openLookout } from '../../preload/lookout.ts'

const FOLDER = '/sys/fs/cgroup'

/** A calm process of 100 MB in a cgroup v2 container; what else is said in its files. */
function watched(
  limitMB: number,
  settings: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, string>> = {},
) {
  let nowMs = 0
  const files: Record<string, string> = {
    '/proc/self/cgroup': '0::/\n',
    '/proc/self/mountinfo': `30 29 0:26 / ${FOLDER} rw - cgroup2 cgroup rw\n`,
    '/proc/meminfo': 'MemTotal:       16000000 kB\n',
    [`${FOLDER}/cgroup.procs`]: '7\n',
    [`${FOLDER}/memory.max`]: `${mbToBytes(limitMB)}\n`,
    [`${FOLDER}/memory.current`]: `${mbToBytes(100)}\n`,
    [`${FOLDER}/memory.stat`]: `anon ${mbToBytes(90)}\nfile 0\ninactive_file 0\n`,
    ...more,
  }
  const host = {
    pid: 7,
    nodeVersion: 'v24.0.0',
    execArgv: [],
    readVariable: (name: string) => settings[name],
    readText: (path: string) => files[path],
    heapLimit: () => mbToBytes(400),
    heapUsed: () => mbToBytes(20),
    memory: () => ({
      rss: mbToBytes(90),
      heapTotal: mbToBytes(30),
      heapUsed: mbToBytes(20),
      external: 0,
      arrayBuffers: 0,
    }),
    heapSpaces: () => [{ space_name: 'old_space', space_size: 0, space_used_size: mbToBytes(20) }],
    Registry: class {
      register() {}
    },
    uptime: () => millis(nowMs),
    every: () => () => {},
    files: {
      openSync: () => 3,
      readSync: (_: number, buffer: Buffer) => buffer.write(files[`${FOLDER}/memory.current`] as string),
      closeSync: () => {},
    },
  } as unknown as Host
  const said: Entry[] = []
  const workers: (number | undefined)[] = []
  const read = readSettings(name => settings[name]).settings
  const lookout = openLookout({
    host,
    settings: read,
    forWatch: undefined,
    budget: budgetOf({
      heapLimitBytes: mbToBytes(400),
      oldSpaceLimit: { kind: 'none' },
      kernelLimit: readContainerLimit(host.readText, { lambdaMemoryMB: undefined }),
      operatorMB: undefined,
      nodeSeesBytes: mbToBytes(limitMB),
    }),
    log: { say: entry => void said.push(entry), droppedLines: () => 0 },
    liveWorkers: () => workers,
    folder: '/guard',
  })
  return {
    files,
    workers,
    /** So many looks, a pulse between two of them. */
    look: (times: number) => {
      for (let n = 0; n < times; n++) {
        nowMs += read.pulseMs
        lookout.look(millis(0), false)
      }
    },
    end: lookout.end,
    said: (event: string) => said.filter(entry => entry.event === event),
  }
}

for (const [pulseMs, looks] of [
  [1000, 60],
  [60_000, 1],
] as const)
  t.test(
    `a process that starts later is counted within a minute, with no lines either: a look each ${pulseMs} ms`,
    async t => {
      const { files, look, said } = watched(512, { HEAPGUARD_INTERVAL_MS: '0', HEAPGUARD_PULSE_MS: `${pulseMs}` })
      look(1)
      Object.assign(files, { [`${FOLDER}/cgroup.procs`]: '7\n8\n', '/proc/8/cmdline': 'node\0child.js\0' })
      t.strictSame(said('heap-sum'), [], 'alone at its first look')
      look(looks)
      t.match(said('heap-sum'), [{ fields: { processes: 2, heapLimitSumMB: 800, containerMemoryMB: 512 } }])
      look(200)
      t.equal(said('heap-sum').length, 1, 'once')
    },
  )

t.test('a limit that moves is judged for all the isolates that were counted', async t => {
  const { files, workers, look, said } = watched(2048)
  workers.push(10, 10, 10)
  look(1)
  files[`${FOLDER}/memory.max`] = `${mbToBytes(640)}\n`
  look(20)
  t.match(said('limit-changed'), [{ level: 'warn', msg: /256 MB is the least/, fields: { verdict: 'tight' } }])
})

const NEIGHBOUR = {
  [`${FOLDER}/cgroup.procs`]: '7\n8\n',
  '/proc/8/status': `Name:\tffmpeg\nVmRSS:\t${90 * 1024} kB\n`,
}
const kills = (count: number) => ({ [`${FOLDER}/memory.events`]: `oom 1\noom_kill ${count}\n` })

t.test('a kill is said when the killed process is off the list, with its name, and not again at the end', async t => {
  // Half of the limit is taken: it is noted who is there.
  const { files, look, end, said } = watched(200, {}, { ...NEIGHBOUR, ...kills(0) })
  look(2)
  Object.assign(files, kills(1))
  look(1)
  t.strictSame(said('oom-kill'), [], 'the counter rises before it is off the list')
  files[`${FOLDER}/cgroup.procs`] = '7\n'
  look(1)
  t.match(said('oom-kill'), [{ level: 'error', msg: /ffmpeg/, fields: { count: 1 } }])
  end('exit', 0)
  t.equal(said('oom-kill').length, 1)
})

for (const [name, reason, exitCode] of [
  ['the process ends in good order', 'exit', 0],
  ['the process ends with an exception', 'uncaught', 1],
] as const)
  t.test(`a kill that was seen just before the end is said then, though nobody is off the list: ${name}`, async t => {
    const { files, look, end, said } = watched(200, {}, { ...NEIGHBOUR, ...kills(0) })
    look(2)
    Object.assign(files, kills(2))
    look(1)
    t.strictSame(said('oom-kill'), [])
    end(reason, exitCode)
    t.match(said('oom-kill'), [{ level: 'error', fields: { count: 2 } }])
    t.equal(said('oom-kill').length, 1)
  })
