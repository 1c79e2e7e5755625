// The main thread's side of the watchdog: makes the thread, and beats for it.

import type { HeapBudget } from '../core/budget.ts'
import type { Row } from '../core/setting-rows.ts'
import { TABLE } from '../core/settings.ts'
import { millis } from '../core/units.ts'
import { watchTable } from '../core/watch-settings.ts'
import { type Handover, openHandover } from '../host/handover.ts'
import type { Host } from '../host/host.ts'
import type { OutputsAtBoot, WatchdogData } from './data.ts'

export interface StartParts {
  readonly Worker: typeof import('node:worker_threads').Worker
  readonly host: Host
  readonly budget: HeapBudget
  readonly folder: string
  /** See WatchdogData. */
  readonly record: string | undefined
  readonly outputsAtBoot: OutputsAtBoot
  /** Variables that are other ones than in the environment. */
  readonly settled: Readonly<Record<string, string>>
  /** The text of this very file. */
  readonly code: string
  /** The thread has ended with an error. */
  readonly onError: (error: unknown) => void
}

/** Twice within the time after which the main thread counts as blocked. */
const BEAT_MS = millis(50)

/**
 * What it works with [measured: 8 MB are enough, 4 are not, on four majors], with room for a large profile. A
 * --max-old-space-size in NODE_OPTIONS overrides it (nodejs/node#43991): it bounds the thread's heap, and takes nothing.
 */
const LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }

/** What a look asks of the environment. */
const ALSO_ASKED = ['UV_THREADPOOL_SIZE', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE']

/**
 * In a process that was started from a snapshot any thread that loads node:v8 aborts it, on 22 and 24: `Assertion failed:
 * shutdown_wrap_template_.IsEmpty()`. A single executable with a snapshot shows no flag.
 */
const isDeadly = ({ nodeVersion, execArgv }: Host): boolean =>
  /^v2[2-5]\./.test(nodeVersion) && execArgv.some(arg => arg.startsWith('--snapshot-blob'))

/**
 * Starts the thread. Throws what making one throws (ERR_ACCESS_DENIED under a permission model), and where it would end
 * the process.
 */
export function startThread(parts: StartParts): Handover {
  const { Worker, host, budget, folder, record, outputsAtBoot, settled, code, onError } = parts
  if (isDeadly(host)) throw new Error(`Node ${host.nodeVersion} from a snapshot cannot have one`)
  const handover = openHandover()
  handover.setFigures(host.memory())
  const rows: readonly Row<unknown>[] = [...Object.values(TABLE), ...Object.values(watchTable(0))]
  const names = [...rows.map(({ variable }) => variable), ...ALSO_ASKED]
  const worker = new Worker(`${code}\nmodule.exports.watch()`, {
    eval: true,
    name: 'heapguard',
    workerData: {
      shared: handover.memory,
      budget,
      heapLimitBytes: budget.heapLimitBytes,
      variables: Object.fromEntries(names.map(name => [name, settled[name] ?? host.readVariable(name)])),
      record,
      outputsAtBoot,
      folder,
    } satisfies WatchdogData,
    // Without NODE_OPTIONS no preload of the operator's runs in it, the guard's neither.
    env: {},
    execArgv: [],
    stdin: false,
    // Else Node would make process.stdout and process.stderr to pipe the thread's into them.
    stdout: true,
    stderr: true,
    resourceLimits: LIMITS,
  })
  try {
    // For the sum of heap limits, which leaves it out (host/workers.ts). Its threadId must stay: Node asks for it at its end.
    Object.defineProperty(worker, 'heapguard', { value: true })
    worker.on('error', onError)
    worker.unref()
    host.every(BEAT_MS, handover.beat)
  } catch (error) {
    // A thread that nobody beats for would take the main thread for blocked, and one that is not unref'd would keep the
    // process alive.
    handover.end()
    worker.terminate()
    throw error
  }
  return handover
}
