// The only file with effects at import: gate, a quiet start or a whole one, and one catch that never lets an error out.
import { isEnabled } from './core/enabled.ts'
import { gateOf } from './core/gate.ts'
import type { QuietStart } from './host/after-quiet-start.ts'
import { type Guard, hookProcess, isLoaded, type ListeningProcess } from './host/hooks.ts'
import { takeNatives } from './host/natives.ts'
import { loaderOf } from './host/second-file.ts'
import { startQuietly } from './quiet.ts'

const target = process as unknown as ListeningProcess
const { env } = process

try {
  // As without us: an app that lists require.cache must not find the guard.
  delete require.cache[__filename]
  const isUnset = !Object.keys(env).join().includes('HEAPGUARD_')
  const enabled = isUnset || isEnabled(name => env[name])
  const gate = gateOf({
    enabled,
    alreadyLoaded: enabled && isLoaded(target),
    // In a worker Node puts a stub in the place of what only the main thread may do; node:worker_threads would say the
    // same, but is not in the start-up snapshot.
    isWorkerThread: 'disabled' in process.chdir,
    versions: process.versions,
    scriptPath: process.argv[1],
    execArgv: process.execArgv,
    testContext: env.NODE_TEST_CONTEXT,
  })
  if (gate.kind === 'run') {
    const natives = takeNatives()
    const { readFileSync } = natives
    const load = loaderOf<typeof import('./boot.ts')>(`${__dirname}/boot.js`, path => readFileSync(path, 'utf8'))
    const whole = (quiet?: QuietStart): Guard => load().boot(natives, target, __dirname, quiet)
    // Another preload that listens already has handles that the guard must bind anew.
    const isPlain = isUnset && target.listenerCount('SIGTERM') + target.listenerCount('SIGINT') === 0
    hookProcess(target, () => (isPlain && startQuietly(natives, whole)) || whole())
  }
} catch (error) {
  try {
    // Without the right to read its own folder (a permission model) there is nobody here who could tell a helper whose
    // stderr is parsed from an app: when in doubt, silence.
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') throw error
    // Opened anew a pipe or a terminal cannot block, and a file is appended to. A socket cannot be opened: it has room for
    // one short line.
    const { openSync, writeSync, closeSync, constants } = require('node:fs') as typeof import('node:fs')
    const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants
    const line = `heapguard: could not start (${(error as Error).message}); the app runs without it\n`
    let opened: number | undefined
    try {
      opened = openSync('/proc/self/fd/2', O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY)
    } finally {
      writeSync(opened ?? 2, line)
      if (opened !== undefined) closeSync(opened)
    }
  } catch {
    // Not even that: the app runs without it, and without a word.
  }
}
