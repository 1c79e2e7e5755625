// The composition root: settings -> validate -> monitor -> signals. Reads as a table of contents.
import type { HeapBudget } from './core/budget.ts'
import { configProblem, shutdown, signalArrived } from './core/report.ts'
import { readSettings } from './core/settings.ts'
import { validateHeapConfiguration } from './heap-validator.ts'
import { hookExit } from './host/exit.ts'
import type { Host } from './host/host.ts'
import { openLog } from './host/log.ts'
import { type ListeningProcess, watchNewListeners } from './host/new-listener.ts'
import { takeSample } from './host/sampler.ts'
import { followSignals } from './host/signals.ts'
import { MemoryMonitor } from './memory-monitor.ts'

/** Starts the guard in this process. Returns its undo, which is idempotent. */
export function boot(host: Host, target: ListeningProcess): () => void {
  const { settings, problems } = readSettings(host.readVariable)
  const log = openLog(host, settings)
  for (const problem of problems) log.say(configProblem(problem))
  const budget: HeapBudget = validateHeapConfiguration(host, settings, log)

  const monitor = new MemoryMonitor({
    budget,
    intervalMs: settings.intervalMs,
    log,
    takeSample: () => takeSample(host, budget),
    every: host.every,
  })
  monitor.start()

  const isPid1 = host.pid === 1
  const exit = hookExit(target, (reason, exitCode) => {
    monitor.stop()
    const now = host.memory().heapUsed
    const peakHeapUsedBytes = now > monitor.peakHeapUsedBytes ? now : monitor.peakHeapUsedBytes
    log.say(shutdown({ reason, exitCode, peakRssBytes: host.peakRss(), peakHeapUsedBytes, uptimeMs: host.uptime() }))
  })
  const signals = settings.signals
    ? followSignals(target, isPid1, (signal, appHandles) => {
        if (appHandles) monitor.stopWithLastLine()
        log.say(signalArrived(signal, appHandles, isPid1))
      })
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
