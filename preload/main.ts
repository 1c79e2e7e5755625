// The only file with effects at import: gate, a quiet start or a whole one, and one catch that never lets an error out.
// The quiet start is what nearly every process needs of the guard before the app begins, and at a short life's end: one
// boot line, one wait, two hooks. It stands here in one piece, since each function is looked through, compiled and run at
// every start of every Node. The whole guard (boot.ts) takes over at the first tick, or when the app listens for a signal;
// wherever anything is not plain it starts in this one's place. What a quiet start does not run is a function, which V8
// only skims, or in another file.
import { HOLD_MS, isHeldBack } from './core/captured.ts'
import { isOff } from './core/enabled.ts'
import { quietBudgetOf, quietEndOf, quietHead } from './core/quiet.ts'
import { plainSettings, type QuietSettings } from './core/quiet-settings.ts'
import { bytes, millis, roundedMB } from './core/units.ts'
import { isUsual } from './core/usual.ts'
import { fileIdentity, NULL_DEVICE, type QuietStart } from './host/after-quiet-start.ts'
import { type Guard, hookProcess, isLoaded, type ListeningProcess, type Slot } from './host/hooks.ts'
import { type LoadBuiltin, type Taken, takeNatives, takeV8 } from './host/natives.ts'
import { loadFile } from './host/second-file.ts'
import { followWorkers } from './host/workers.ts'

declare const HEAPGUARD_VERSION: string

/** SIGPIPE and SIGXFSZ, as bits of SigIgn. */
const RAISED_BY_WRITES = 0x1001000
/** As PID 1 the guard listens for signals: as soon as the app has had time to begin. */
const PID1_MS = 50
/** In Node since 16; not in the library that the types are of. */
type WaitAsync = (of: Int32Array, at: number, value: number, timeoutMs: number) => { readonly value: Promise<unknown> }

const STDERR = '/proc/self/fd/2'
/** inode(7): S_IFREG, of the mode's four highest bits. */
const REGULAR_FILE = 8

const target = process as unknown as ListeningProcess
const { env, execArgv, pid, argv, versions } = process
// A require after start-up would pass the app's loader hooks too. Node before 20.16 has nothing else.
const load = (process.getBuiltinModule || require) as LoadBuiltin
const slot: Slot = {}
let taken: Taken | undefined

/** Another of the guard's files. */
function open<T>(name: string): T {
  const { readFileSync } =
    taken === undefined ? (load('node:fs') as typeof import('node:fs')) : { readFileSync: taken[0] }
  return loadFile<T>(`${__dirname}/${name}.js`, path => readFileSync(path, 'utf8'), load)
}

/** The gate itself, where the start is not one of the usual ones. */
const mayRun = (): boolean => {
  const known = { enabled: true, alreadyLoaded: false, isWorkerThread: false }
  const start = { ...known, versions, scriptPath: argv[1], execArgv, testContext: env.NODE_TEST_CONTEXT }
  return !isLoaded(target) && open<typeof import('./gate.ts')>('gate').gateOf(start).kind === 'run'
}

const startWhole = (natives: Taken, quiet?: QuietStart): void =>
  open<typeof import('./boot.ts')>('boot').boot(natives, target, __dirname, slot, quiet)

/** Without the right to read its own folder (a permission model) there is nobody here who could tell a helper whose stderr
 * is parsed from an app: when in doubt, silence. */
function sayWhy(error: NodeJS.ErrnoException): void {
  if (error.code === 'ERR_ACCESS_DENIED') return
  const { writeFileSync, writeSync, constants } = require('node:fs') as typeof import('node:fs')
  const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants
  const line = `heapguard: could not start (${error.message}); the app runs without it\n`
  try {
    // Opened anew a pipe or a terminal cannot block, and a file is appended to.
    writeFileSync(STDERR, line, { flag: (O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY) as never })
  } catch (failure) {
    // A socket cannot be opened: it has room for one short line.
    if ((failure as NodeJS.ErrnoException).syscall === 'open') writeSync(2, line)
  }
}

/**
 * Says the boot line where all is plain, or keeps it where a parent captures it, and stands in for the guard until it is
 * needed. false: nothing was said or done.
 */
function startQuietly(natives: Taken, command: string, settings: QuietSettings): boolean {
  'at start'
  // One by one: taking an array apart is an iterator's protocol, at each name.
  const readFileSync = natives[0]
  const writeFileSync = natives[1]
  const readlinkSync = natives[2] as (path: string) => string
  const constants = natives[3]
  const uptime = natives[5]
  const now = natives[7]
  const writeSync = natives[13]
  const fstatSync = natives[16]
  const memoryUsage = natives[19]
  const { CONTAINER_MEMORY_MB, NODE_OPTIONS } = env
  const { warnPercent, pauseMs, isSpoken } = settings
  // With the encoding said each is one call into Node's native part: open, read or write, close.
  function readText(path: string): string {
    'at start'
    return readFileSync(path, 'utf8')
  }
  // A file can be renamed, and so is known by its number; what is neither a file nor the null device may be a terminal.
  function stderrNow(): string {
    'at start'
    const link = readlinkSync(STDERR)
    if (link[0] !== '/' || link === NULL_DEVICE) return link
    const { mode, dev, ino } = fstatSync(2, { bigint: true })
    return Number(mode) >> 12 === REGULAR_FILE ? fileIdentity(dev, ino) : ''
  }
  // To read as well: a writer whose reader is gone is sent SIGPIPE, which the app may handle, or have put back to its default.
  const anew = {
    encoding: 'utf8',
    flag: (constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY) as never,
  } as const
  function write(line: string): void {
    'at start'
    // Opened anew a pipe cannot block. A file is written at the place that the app's own writes go on from, and a socket,
    // which cannot be opened, has room for two lines.
    if (isPipe) writeFileSync(STDERR, line, anew)
    else if (writeSync(2, line) < line.length) throw new Error('only a part of a line was written')
  }
  let budget: ReturnType<typeof quietBudgetOf>
  let stderr: string
  let isPipe = false
  let heldLine: string | undefined
  let handed: QuietStart | undefined
  // In no slot so far: where the start is not a quiet one after all, nothing is handed over.
  let quiet = {} as Guard
  try {
    stderr = stderrNow()
    isPipe = stderr.startsWith('pipe:')
    if (!(isPipe || stderr[0] === '/' || stderr.startsWith('socket:')) || env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE)
      return false
    if ((process.channel as { fd?: number } | undefined)?.fd === 2) return false
    const isHeld = pid !== 1 && isHeldBack(process.ppid, stderr, readText, readlinkSync)
    if (isHeld === undefined) return false
    const heapLimit = () => bytes(takeV8(natives).getHeapStatistics().heap_size_limit)
    budget = quietBudgetOf(process, command, warnPercent, natives[25], heapLimit, HEAPGUARD_VERSION, readText)
    if (budget === undefined) return false
    // V8's own clock, in place of a timer: unref'd, in no list of handles, without an id. It cannot be stopped, and needs not.
    const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync }
    waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pid === 1 ? PID1_MS : pauseMs).value.then(() => {
      try {
        if (slot.guard === quiet) handOver()
        // Nothing was handed over where the start turned out not to be a quiet one.
        if (handed) handed.begin()
      } catch (error) {
        try {
          if (heldLine === undefined && stderrNow() === stderr)
            write(`heapguard: could not go on (${(error as Error).message}); the app runs without it\n`)
        } catch {
          // A rejection that nobody handles ends the app: no fault of the guard's gets that far.
        }
      }
    })
    const line = isSpoken ? quietHead('heap-validated', now(), pid) + budget.text : ''
    if (isHeld) heldLine = line
    else if (line) write(line)
  } catch {
    // A file that is not where it usually is, a pipe that is full or another user's: the long way knows them all.
    return false
  }
  const startedAtS = uptime()
  // Node 20 would have to compile the channel's module for it, a third of the start's cost: a one-liner is followed later.
  const isSince22 = Number.parseInt(versions.node, 10) >= 22
  const workers = argv[1] || isSince22 ? followWorkers() : undefined
  // Where it fails the quiet start stands on, and what comes next tries again.
  const handOver = (): Guard => {
    const variables: QuietStart['variables'] = { ...settings.variables, NODE_OPTIONS, CONTAINER_MEMORY_MB }
    const startedAtMs = millis(startedAtS * 1000)
    handed = { budget, variables, stderr, heldLine, workers, startedAtMs } as QuietStart
    startWhole(natives, handed)
    return slot.guard as Guard
  }
  // Where the channel's module would have to be compiled for it, nobody is asked.
  const isHeard = (): boolean =>
    !!workers &&
    (load('node:diagnostics_channel') as typeof import('node:diagnostics_channel')).hasSubscribers('heapguard:record')
  /** On Node 20: has the app closed a descriptor that memoryUsage() would get (host/standard.ts)? */
  const isClosed = (): boolean => {
    if (isSince22) return false
    try {
      readlinkSync('/proc/self/fd/0')
      readlinkSync('/proc/self/fd/1')
      return false
    } catch {
      return true
    }
  }
  quiet = {
    aboutToListen: event => {
      if (event === 'SIGTERM' || event === 'SIGINT') handOver().aboutToListen(event)
    },
    ended: (reason, exitCode) => {
      if (isHeard()) return handOver().ended(reason, exitCode)
      if (!isSpoken || stderrNow() !== stderr || (heldLine && uptime() * 1000 <= HOLD_MS)) return
      if (isClosed()) return handOver().ended(reason, exitCode)
      // `VmHWM:	   51234 kB`, the most RSS so far.
      const status = readText('/proc/self/status')
      // The last eight digits of `SigIgn:	0000000001001000`: Node ignores SIGPIPE and SIGXFSZ, but not where the app has ever
      // listened to them, and then a socket or a file may raise them.
      const ignored = Number.parseInt(status.slice(status.indexOf('Ign:') + 13), 16)
      if (!isPipe && (ignored & RAISED_BY_WRITES) !== RAISED_BY_WRITES) return
      if (heldLine) write(heldLine)
      const rssMB = roundedMB(bytes(Number.parseInt(status.slice(status.indexOf('VmHWM:') + 6), 10) * 1024))
      const heapMB = roundedMB(bytes(memoryUsage().heapUsed))
      const uptimeS = Math.round(uptime() * 10) / 10
      write(quietHead('shutdown', now(), pid) + quietEndOf(reason, exitCode, rssMB, heapMB, uptimeS))
    },
  }
  slot.guard = quiet
  return true
}

try {
  // As without us: an app that lists require.cache must not find the guard.
  delete require.cache[__filename]
  const command = execArgv.join(' ')
  const settings = plainSettings(env)
  const isApp = isUsual(versions, argv[1], command, env.NODE_TEST_CONTEXT)
  // In a worker Node puts a stub in the place of what only the main thread may do; node:worker_threads would say the
  // same, but is not in the start-up snapshot. Whoever listens to the end of the process may be this guard.
  if (
    !('disabled' in process.chdir) &&
    (settings || !isOff(env.HEAPGUARD_ENABLED)) &&
    ((isApp && target.listenerCount('exit') === 0) || mayRun())
  ) {
    // Another preload that listens already has handles that the guard must bind anew.
    const isAlone = target.listenerCount('SIGTERM') + target.listenerCount('SIGINT') === 0
    // Not where node:v8 would pass the app's loader hooks later (before 20.16), nor behind another preload: the environment and
    // the flags may be other ones by now than those that V8 has begun with.
    const mayWorkOut = !!process.getBuiltinModule && Object.keys(require.cache).length === 0
    const natives = takeNatives(load, mayWorkOut ? process : undefined)
    taken = natives
    // Hooked first: without hooks a guard would go on for ever where a start fails, and its record would look like a death's.
    const unhook = hookProcess(target, slot)
    try {
      if (!(settings && isApp && isAlone && startQuietly(natives, command, settings))) startWhole(natives)
    } catch (error) {
      unhook()
      throw error
    }
  }
} catch (error) {
  try {
    sayWhy(error as Error)
  } catch {
    // Not even that: the app runs without it, and without a word.
  }
}
