// The whole guard, dist/boot.js: loaded at start where a setting or anything else is not plain, else when the quiet start hands over
// (quiet.ts). The composition root: settings -> validate -> monitor -> signals. Reads as a table of contents.
import { verdictOf } from './core/assess.ts'
import type { HeapBudget } from './core/budget.ts'
import { corrected, shutdown } from './core/report.ts'
import { isWatchSet, readSettings } from './core/settings.ts'
import { type Bytes, bytes } from './core/units.ts'
import { readBudget, sayVerdict, validateHeapConfiguration } from './heap-validator.ts'
import { afterQuietStart, type QuietStart } from './host/after-quiet-start.ts'
import type { ListeningProcess, Slot } from './host/hooks.ts'
import { realHost } from './host/host.ts'
import { openLog } from './host/log.ts'
import { withLogFile } from './host/log-file.ts'
import { nativesOf, type Taken } from './host/natives.ts'
import { ifLoadable, loaderOf, type Watch } from './host/second-file.ts'
import { followSignals } from './host/signals.ts'
import { followWorkers, limitsOf } from './host/workers.ts'
import { MemoryMonitor } from './memory-monitor.ts'

/**
 * Starts the guard in this process; `folder` holds the other files. After a quiet start, which has said the boot line, it
 * goes on from there. What it puts into `slot` is told of the process by the hooks (host/hooks.ts).
 */
export function boot(taken: Taken, target: ListeningProcess, folder: string, slot: Slot, quiet?: QuietStart): void {
  const v8 = taken[10]
  v8.isLate = quiet !== undefined
  const real = realHost(nativesOf(taken))
  const host = quiet === undefined ? real : afterQuietStart(real, quiet)
  const { settings, problems } = withLogFile(readSettings(host.readVariable), host.descriptors)
  const log = openLog(host, settings, quiet)
  const watch = loaderOf<Watch>(`${folder}/watch.js`, host.readText)
  const words = problems.length > 0 || isWatchSet(host.readVariable) ? ifLoadable(watch) : undefined
  const forWatch = words?.readRest(host, settings, problems, log, folder)
  const atBoot = quiet === undefined ? validateHeapConfiguration(host, settings, log, watch, forWatch) : undefined

  /** What was said at the start, seen again by the reader that the watch goes by, and by V8 itself. */
  const readAgain = (source: string, containerBytes: Bytes, heapLimitBytes: Bytes): HeapBudget => {
    let budget: HeapBudget
    try {
      budget = readBudget(host, settings)
    } catch {
      // The app has replaced what tells it (watch/replaced-v8.ts).
      budget = readBudget(host, settings, () => heapLimitBytes)
    }
    const { warnPercent } = settings
    const { nodeVersion } = host
    // It was worked out, and V8 says another one.
    if (budget.heapLimitBytes !== heapLimitBytes)
      sayVerdict(budget, host, settings, log, watch, corrected(heapLimitBytes))
    if (source !== 'env' && budget.container.bytes !== containerBytes)
      log.say(
        watch().limitChanged(containerBytes, budget, verdictOf(budget, warnPercent), { nodeVersion, warnPercent }),
      )
    return budget
  }
  const firstBudget = (): HeapBudget => {
    if (atBoot === undefined) {
      const { source, containerBytes, heapLimitBytes } = (quiet as QuietStart).budget
      return readAgain(source, containerBytes, heapLimitBytes)
    }
    const { container, heapLimitBytes, heapLimitSource } = atBoot
    return heapLimitSource === undefined ? atBoot : readAgain(container.source, container.bytes, heapLimitBytes)
  }
  const liveWorkers = limitsOf(quiet?.workers ?? followWorkers())
  const monitor = new MemoryMonitor({
    intervalMs: settings.intervalMs,
    pulseMs: settings.pulseMs,
    onTick: () => signals?.refresh(),
    log,
    openLookout: () => {
      const budget = firstBudget()
      return watch().openLookout({ host, settings, forWatch, budget, log, liveWorkers, folder })
    },
    now: host.uptime,
    every: host.every,
  })
  const isPid1 = host.pid === 1
  const signals = settings.signals
    ? followSignals(
        target,
        isPid1,
        (signal, appHandles) => {
          // First told, then looked at: what the last look finds must not send the app a second signal.
          const arrived = watch().onSignal(signal, appHandles, isPid1)
          if (appHandles) monitor.stopLines()
          log.say(arrived)
        },
        () => watch().followVisibly,
      )
    : undefined
  slot.guard = {
    aboutToListen: event => signals?.aboutToListen(event),
    ended: (reason, exitCode) => {
      if (forWatch) forWatch.ended()
      monitor.stop(reason, exitCode)
      const now = host.memory().heapUsed
      const peakHeapUsedBytes = bytes(Math.max(now, monitor.peakHeapUsed()))
      log.say(shutdown({ reason, exitCode, peakRssBytes: host.peakRss(), peakHeapUsedBytes, uptimeMs: host.uptime() }))
    },
  }
  // Last: a record and a second thread that begin are there until the process ends. And after the slot: the app hears the
  // first look's records, and may begin to listen for a signal at one.
  if (atBoot !== undefined) forWatch?.begin(atBoot, folder)
  if (quiet === undefined) monitor.start()
  // The first tick may come sooner than the first look is due: as PID 1, to listen for signals, and where the pulse is a long one.
  else quiet.begin = () => monitor.start(quiet)
  v8.isLate = true
}
