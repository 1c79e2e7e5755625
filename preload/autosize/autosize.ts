// dist/autosize.js: HEAPGUARD_AUTOSIZE. watch.js loads it at boot where that is set, before anything else is said.
import { verdictOf } from '../core/assess.ts'
import { MARKER_VARIABLE, markerText, readMarker, withHeapFlags } from '../core/autosize.ts'
import { LEAST_AUTOSIZED_MB, remedyFor } from '../core/remedy.ts'
import { reasonOf } from '../core/report.ts'
import { cannotResize, resized } from '../core/report-autosize.ts'
import type { Settings } from '../core/settings.ts'
import { roundedMB } from '../core/units.ts'
import { readBudget } from '../heap-validator.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { restart } from '../host/restart.ts'

export interface AutosizeParts {
  readonly host: Host
  readonly settings: Settings
  /** The share of the container that the old space may have at most. */
  readonly heapPercent: number
  readonly log: Log
}

/**
 * Starts this process again, in its own place, where V8's heap limit does not fit the container: then it does not come
 * back, and the process that begins anew says so here. Where it fits, where the container's memory is only assumed, and
 * where no flag helps, it does nothing; where it cannot be done it says why. Once: the marker is deleted.
 */
export function autosize({ host, settings, heapPercent, log }: AutosizeParts): void {
  const { pid, nodeVersion, readVariable } = host
  const marker = readMarker(readVariable(MARKER_VARIABLE), pid)
  delete process.env[MARKER_VARIABLE]
  const budget = readBudget(host, settings)
  const { heapLimitBytes, container } = budget
  if (marker !== undefined) {
    log.say(resized(marker, heapLimitBytes, container.bytes))
    return
  }
  if (container.source === 'default') return
  const { warnPercent } = settings
  const remedy = remedyFor(budget, verdictOf(budget, warnPercent), {
    nodeVersion,
    warnPercent,
    heapPercent,
    leastOldSpaceMB: LEAST_AUTOSIZED_MB,
  })
  if (remedy.kind !== 'flags') return
  const { flags } = remedy
  log.say(cannotResize(attempt(), flags))

  function attempt(): string {
    try {
      return restart(host, {
        flags,
        nodeOptions: withHeapFlags(readVariable('NODE_OPTIONS'), flags),
        marker: [MARKER_VARIABLE, markerText(pid, { fromMB: roundedMB(heapLimitBytes), flags })],
      })
    } catch (error) {
      return reasonOf(error)
    }
  }
}
