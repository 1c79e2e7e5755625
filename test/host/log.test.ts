// Lines held back where somebody may parse them, and lost lines counted.
import t from 'tap'
import type { Entry } from '../../preload/core/record.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { type Millis, millis } from '../../preload/core/units.ts'
import type { Descriptors } from '../../preload/host/descriptors.ts'
import { type LogHost, openLog } from '../../preload/host/log.ts'

const entry = (event: string): Entry => ({ level: 'info', event, msg: event, fields: {} })

/**
 * A process whose parent is `parentPid` (0: it was started by exec into the container); its stderr takes `takes` lines.
 * `quiet`: what a quiet start has left.
 */
function started(
  parentPid: number,
  env: Readonly<Record<string, string>> = {},
  quiet?: { readonly heldLine: string | undefined; readonly uptimeMs?: number },
) {
  const written: string[] = []
  const state = { uptimeMs: quiet?.uptimeMs ?? 30, now: 0, takes: 1000 }
  const timers: { interval: Millis; tick: () => void; stopped: boolean }[] = []
  const descriptors: Descriptors = {
    identify: () => ({ kind: 'file', device: 1n, inode: 1n, owner: 0 }),
    isTerminal: () => false,
    write: (_, line) => {
      if (written.length >= state.takes) throw new Error('ENOSPC')
      written.push(line)
      return true
    },
    writeThrough: () => false,
    append: () => false,
    user: 0,
    channelFd: undefined,
    parentPid,
    readLink: path => path,
  }
  const host: LogHost = {
    descriptors,
    pid: 50,
    readText: () => undefined,
    isoTime: () => `time ${++state.now}`,
    uptime: () => millis(state.uptimeMs),
    every: (interval, tick) => {
      const timer = { interval, tick, stopped: false }
      timers.push(timer)
      return () => {
        timer.stopped = true
      }
    },
  }
  const log = openLog(host, readSettings(name => env[name]).settings, quiet)
  const said = (): string[] => written.map(line => JSON.parse(line)).map(({ event, time }) => `${event} at ${time}`)
  return { log, state, timers, said, written }
}

t.test('elsewhere a line is written when it is said, and there is no timer', async t => {
  const { log, timers, said } = started(7)
  log.say(entry('memory'))
  t.strictSame(said(), ['memory at time 1'])
  t.strictSame(timers, [])
})

t.test('held for ten seconds, then all of it in order with its own time, and what comes later at once', async t => {
  const { log, timers, said } = started(0)
  log.say(entry('heap-validated'))
  log.say(entry('memory'))
  t.strictSame(said(), [])
  t.equal(timers.length, 1)
  t.equal(timers[0]?.interval, 9970, 'ten seconds of its life, of which 30 ms are over')
  timers[0]?.tick()
  t.strictSame(said(), ['heap-validated at time 1', 'memory at time 2'])
  t.equal(timers[0]?.stopped, true)
  log.say(entry('memory'))
  t.equal(said().length, 3)
})

t.test(
  'a first line that was held back before goes out in front, as it was, when it has lived ten seconds',
  async t => {
    const { log, timers, written } = started(7, {}, { heldLine: 'the first\n', uptimeMs: 1000 })
    log.say(entry('memory'))
    t.strictSame(written, [])
    t.equal(timers[0]?.interval, 9000, 'ten seconds of its life')
    timers[0]?.tick()
    t.equal(written[0], 'the first\n')
    t.equal(written.length, 2)
    const full = started(7, {}, { heldLine: 'the first\n', uptimeMs: 20_000 })
    full.state.takes = 0
    full.timers[0]?.tick()
    t.equal(full.timers[0]?.interval, 1)
    t.equal(full.log.droppedLines(), 1)
  },
)

t.test(
  'a first line of a level that is not written: what comes behind it is held as long, and nothing else goes out',
  async t => {
    const { log, timers, written } = started(7, { HEAPGUARD_LOG_LEVEL: 'warn' }, { heldLine: '', uptimeMs: 1000 })
    log.say({ ...entry('heap-sum'), level: 'warn' })
    t.strictSame(written, [])
    timers[0]?.tick()
    t.equal(written.length, 1)
    t.match(written[0], /"event":"heap-sum"/)
  },
)

t.test('a first line that was said before: nothing is held, wherever it is', async t => {
  const { log, timers, said } = started(0, {}, { heldLine: undefined })
  log.say(entry('memory'))
  t.strictSame(said(), ['memory at time 1'])
  t.strictSame(timers, [])
})

t.test('over before ten seconds: not a word', async t => {
  const { log, state, said } = started(0)
  log.say(entry('heap-validated'))
  state.uptimeMs = 10_000
  log.say(entry('shutdown'))
  t.strictSame(said(), [])
})

t.test('a loop that was blocked for the ten seconds: the first line after it lets go', async t => {
  const { log, state, timers, said } = started(0)
  log.say(entry('heap-validated'))
  state.uptimeMs = 10_001
  log.say(entry('shutdown'))
  t.strictSame(said(), ['heap-validated at time 1', 'shutdown at time 2'])
  timers[0]?.tick()
  t.equal(said().length, 2, 'once')
})

for (const event of ['pressure', 'oom-kill', 'draining'])
  t.test(`${event} is said at once, after what was held`, async t => {
    const { log, said } = started(0)
    log.say(entry('heap-validated'))
    log.say(entry(event))
    log.say(entry('memory'))
    t.strictSame(said(), ['heap-validated at time 1', `${event} at time 2`, 'memory at time 3'])
  })

t.test('pressure-eased is no reason to speak', async t => {
  const { log, said } = started(0)
  log.say(entry('pressure-eased'))
  t.strictSame(said(), [])
})

t.test('thirty-two lines are held, the others counted in the next that gets out', async t => {
  const { log, timers, written } = started(0)
  for (let i = 0; i < 40; i++) log.say(entry('memory'))
  t.equal(log.droppedLines(), 8)
  timers[0]?.tick()
  t.equal(written.length, 32)
  t.match(JSON.parse(written[0] ?? ''), { droppedLines: 8 })
})

t.test('lines below the level are not held either', async t => {
  const { log, timers, written } = started(0, { HEAPGUARD_LOG_LEVEL: 'warn' })
  log.say(entry('memory'))
  timers[0]?.tick()
  t.strictSame(written, [])
})

t.test('a lost line is counted in the next one that gets out', async t => {
  const { log, state, written } = started(7)
  state.takes = 1
  for (let i = 0; i < 3; i++) log.say(entry('memory'))
  t.equal(log.droppedLines(), 2)
  state.takes = 1000
  log.say(entry('memory'))
  log.say({ ...entry('memory'), fields: { droppedLines: undefined } })
  t.strictSame(
    written.map(line => JSON.parse(line).droppedLines),
    [undefined, 2, undefined],
  )
})

t.test('what throws while a line is made is a lost line, held or not, and stays inside', async t => {
  for (const parentPid of [0, 7]) {
    const { log, timers, written } = started(parentPid)
    const broken: Entry = {
      ...entry('memory'),
      fields: {
        get heapUsedMB(): number {
          throw new Error('replaced by the app')
        },
      },
    }
    log.say(broken)
    log.say(entry('memory'))
    timers[0]?.tick()
    t.equal(log.droppedLines(), 1)
    t.equal(written.length, 1)
  }
})

t.test('text where it is asked for', async t => {
  const { log, written } = started(7, { HEAPGUARD_LOG_FORMAT: 'text' })
  log.say(entry('memory'))
  t.match(written[0], /heapguard\[50\] info {2}memory\n$/)
})

t.test('a record is published where somebody has subscribed, and only there', async t => {
  const published: unknown[] = []
  const one = (records: LogHost['records']): void => {
    const host = {
      descriptors: {
        identify: () => ({ kind: 'file', device: 1n, inode: 1n, owner: 0 }),
        isTerminal: () => false,
        write: () => true,
        user: 0,
        parentPid: 1,
        readLink: String,
      },
      pid: 50,
      readText: () => undefined,
      isoTime: () => 'time',
      uptime: () => millis(30),
      every: () => () => {},
      records,
    } as unknown as LogHost
    openLog(host, readSettings(() => undefined).settings).say(entry('memory'))
  }
  const publish = (message: unknown): void => void published.push(message)
  one({ hasSubscribers: false, publish })
  t.strictSame(published, [])
  one({ hasSubscribers: true, publish })
  t.match(published, [{ event: 'memory', time: 'time', pid: 50 }])
})
