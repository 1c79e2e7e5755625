// HEAPGUARD_WATCHDOG: loads the file that has the thread in it, and starts it a moment after the app.
import type { HeapBudget } from '../core/budget.ts'
import { watchdogFailed } from '../core/report-watchdog.ts'
import { millis } from '../core/units.ts'
import type { Handover } from '../host/handover.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { loaderOf } from '../host/second-file.ts'
import { identify } from '../host/sinks.ts'

type WatchdogFile = typeof import('../watchdog/watchdog.ts')

/** The app loads first, and a short helper is over by then: a thread costs 2 to 6 ms and some 10 MB. */
const START_MS = millis(100)

export interface WatchdogParts {
  readonly host: Host
  readonly log: Log
  readonly budget: HeapBudget
  /** Where the guard's files are. */
  readonly folder: string
  /** The flight record; undefined: there is no HEAPGUARD_DIR. */
  readonly record: string | undefined
  /** Variables as boot has settled them: a path that is absolute, another one in the place of what cannot be. */
  readonly settled: Readonly<Record<string, string>>
}

/** Call at boot. Calls back when the second thread is started; where it cannot be, or ends, one line says so. Never throws. */
export function startWatchdog(parts: WatchdogParts, started: (handover: Handover) => void): void {
  const { host, log, folder } = parts
  const onError = (error: unknown): void => log.say(watchdogFailed(error))
  const outputsAtBoot = [1, 2].map(fd => identify(fd, host.descriptors))
  try {
    // Before an app, or its tracer, can put another class in its place.
    const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads')
    const stop = host.every(START_MS, () => {
      stop()
      try {
        const path = `${folder}/watchdog.js`
        const { startThread } = loaderOf<WatchdogFile>(path, host.readText)()
        started(startThread({ ...parts, outputsAtBoot, Worker, code: host.readText(path) as string, onError }))
      } catch (error) {
        onError(error)
      }
    })
  } catch (error) {
    onError(error)
  }
}
