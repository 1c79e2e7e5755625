// The only file with effects at import: gate, boot, and one catch that never lets an error out.
import { boot } from './boot.ts'
import { gateOf } from './core/gate.ts'
import { isEnabled, type ReadVariable } from './core/settings.ts'
import { realDescriptors } from './host/descriptors.ts'
import { realHost } from './host/host.ts'
import { isLoaded, type ListeningProcess } from './host/new-listener.ts'
import { openSink } from './host/sinks.ts'

const target = process as unknown as ListeningProcess
const readVariable: ReadVariable = name => process.env[name]

try {
  // As without us: an app that lists require.cache must not find the guard.
  delete require.cache[__filename]
  const enabled = isEnabled(readVariable)
  const gate = gateOf({
    enabled,
    alreadyLoaded: enabled && isLoaded(target),
    // In a worker Node puts a stub in the place of what only the main thread may do; node:worker_threads would say the
    // same, but is not in the start-up snapshot.
    isWorkerThread: 'disabled' in process.chdir,
    versions: process.versions,
    scriptPath: process.argv[1],
    execArgv: process.execArgv,
    testContext: process.env.NODE_TEST_CONTEXT,
  })
  if (gate.kind === 'run') boot(realHost(), target, __dirname)
} catch (error) {
  try {
    const line = `heapguard: could not start (${(error as Error).message}); the app runs without it\n`
    openSink('stderr', { descriptors: realDescriptors(), readText: () => undefined }).write(line, 'error')
  } catch {
    // Not even that: the app runs without it, and without a word.
  }
}
