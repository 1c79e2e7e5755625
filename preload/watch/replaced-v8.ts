// An app that has replaced a function of node:v8 before the first look: the guard does not call it (host/natives.ts), and
// goes by what process.memoryUsage() has, which it took at the start.
import type { HeapBudget } from '../core/budget.ts'
import { heapIsBounded } from '../core/report-watch.ts'
import { oldSpaceCeiling } from '../core/resize.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'

/**
 * The host, where V8 answers now. Else one that says once that it does not, and tells of the old generation the least that
 * it can hold, all of the heap less the largest young generation, until V8 answers: no false alarm, if a late one.
 */
export function despiteReplacedV8(host: Host, budget: HeapBudget, log: Log): Host {
  try {
    host.heapSpaces()
    return host
  } catch (error) {
    log.say(heapIsBounded(error))
  }
  const { heapLimitBytes } = budget
  const youngBytes = heapLimitBytes - oldSpaceCeiling(budget)
  const leastBytes = (ofAll: number): number => Math.max(0, ofAll - youngBytes)
  return {
    ...host,
    heapLimit: () => heapLimitBytes,
    heapUsed: () => host.memory().heapUsed,
    heapSpaces: () => {
      try {
        return host.heapSpaces()
      } catch {
        const { heapTotal, heapUsed } = host.memory()
        const space = {
          space_size: leastBytes(heapTotal),
          space_used_size: leastBytes(heapUsed),
          space_available_size: 0,
        }
        return [{ space_name: 'old_space', ...space }]
      }
    },
  }
}
