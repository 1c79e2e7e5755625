// The composition root: settings -> validate -> monitor -> signals. Reads as a table of contents.
import type { HeapBudget } from './core/budget.ts'
import { shutdown } from './core/report.ts'
import { isWatchSet, readSettings } from './core/settings.ts'
import { bytes } from './core/units.ts'
import { validateHeapConfiguration } from './heap-validator.ts'
import { hookExit } from './host/exit.ts'
import type { Host } from './host/host.ts'
import { openLog } from './host/log.ts'
import { type ListeningProcess, watchNewListeners } from './host/new-listener.ts'
import { ifLoadable, watchLoader } from './host/second-file.ts'
import { followSignals } from './host/signals.ts'
import { followWorkers } from './host/workers.ts'
import { MemoryMonitor } from './memory-monitor.ts'

/** Starts the guard in this process; `folder` holds the second file. Returns its undo, which is idempotent. */
export function boot(host: Host, target: ListeningProcess, folder: string): () => void {
  const { settings, problems } = readSettings(host.readVariable)
  const log = openLog(host, settings)
  const watch = watchLoader(folder, host.readText)
  const words = problems.length > 0 || isWatchSet(host.readVariable) ? ifLoadable(watch) : undefined
  const forWatch = words?.readRest(host, settings.warnPercent, problems, log)
  const budget: HeapBudget = validateHeapConfiguration(host, settings, log, watch, forWatch)
  forWatch?.begin(budget, folder)

  const liveWorkers = followWorkers()
  const monitor = new MemoryMonitor({
    intervalMs: settings.intervalMs,
    pulseMs: settings.pulseMs,
    onTick: () => signals?.refresh(),
    log,
    openLookout: () => watch().openLookout({ host, settings, forWatch, budget, log, liveWorkers, folder }),
    now: host.uptime,
    every: host.every,
  })
  monitor.start()

  const isPid1 = host.pid === 1
  const exit = hookExit(target, (reason, exitCode) => {
    monitor.stop(reason, exitCode)
    const now = host.memory().heapUsed
    const peakHeapUsedBytes = bytes(Math.max(now, monitor.peakHeapUsed()))
    log.say(shutdown({ reason, exitCode, peakRssBytes: host.peakRss(), peakHeapUsedBytes, uptimeMs: host.uptime() }))
  })
  const signals = settings.signals
    ? followSignals(
        target,
        isPid1,
        (signal, appHandles) => {
          if (appHandles) monitor.stopLines()
          log.say(watch().onSignal(signal, appHandles, isPid1))
        },
        () => watch().followVisibly,
      )
    : undefined
  const unwatch = watchNewListeners(target, event => {
    signals?.aboutToListen(event)
    exit.aboutToListen(event)
  })

  return () => {
    monitor.stop()
    signals?.stop()
    exit.stop()
    unwatch()
  }
}
