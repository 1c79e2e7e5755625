// What the watch measures against: the budget, which a resize moves, and the sum of all heap limits.
import { verdictOf } from '../core/assess.ts'
import { type HeapBudget, leastKnownLimit } from '../core/budget.ts'
import { groupFoldersOf, readLimitAgain } from '../core/cgroup.ts'
import { heapSumOf, workerHeapLimit } from '../core/heap-sum.ts'
import { readNeighbours } from '../core/neighbours.ts'
import { heapSumExceeds } from '../core/report-sum.ts'
import { limitChanged } from '../core/report-watch.ts'
import { memoryV8SawBytes, resized } from '../core/resize.ts'
import type { Settings } from '../core/settings.ts'
import type { Bytes } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import type { LiveWorkers } from '../host/workers.ts'

export interface Bounds {
  readonly budget: () => HeapBudget
  /** The least limit that is known; undefined: the container is not judged. */
  readonly limitBytes: () => Bytes | undefined
  /** Reads the kernel's limit again and says where it moved. True: the budget is another one. */
  readonly readAgain: () => boolean
  /** Says once where the heap limits of all isolates add up to more than the container. */
  readonly sumHeaps: (isDue: boolean) => void
}

export interface BoundsParts {
  readonly host: Host
  readonly settings: Pick<Settings, 'warnPercent' | 'containerMemoryMB'>
  readonly budget: HeapBudget
  readonly log: Log
  readonly liveWorkers: LiveWorkers
}

/** The bounds at boot, kept up to date. */
export function openBounds({ host, settings, budget: atBoot, log, liveWorkers }: BoundsParts): Bounds {
  let budget = atBoot
  let limitBytes = leastKnownLimit(budget)
  let workersAtLastSum = -1
  let hasSaidSum = false
  let isolates = 1

  return {
    budget: () => budget,
    limitBytes: () => limitBytes,
    readAgain: () => {
      const { kernelLimit } = budget
      const lambdaMemoryMB = host.readVariable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')
      const now = readLimitAgain(host.readText, kernelLimit, { lambdaMemoryMB })
      if (now === kernelLimit) return false
      const from = kernelLimit.kind === 'limited' ? kernelLimit.limitBytes : undefined
      budget = resized(budget, now, settings.containerMemoryMB)
      limitBytes = leastKnownLimit(budget)
      if (from !== (now.kind === 'limited' ? now.limitBytes : undefined)) {
        const { warnPercent } = settings
        const { nodeVersion } = host
        log.say(
          limitChanged(from, budget, verdictOf(budget, warnPercent, isolates), { nodeVersion, warnPercent, isolates }),
        )
      }
      return true
    },
    // At the first look, when it is due, and whenever the number of workers is another one.
    sumHeaps: isDue => {
      const workers = liveWorkers()
      if (hasSaidSum || limitBytes === undefined || (workers.length === workersAtLastSum && !isDue)) return
      workersAtLastSum = workers.length
      const own = budget.heapLimitBytes
      const hasFlag = budget.ceiling.source !== 'heap-size-limit'
      const sum = heapSumOf({
        ownPid: host.pid,
        ownUptimeMs: host.uptime(),
        ownHeapLimitBytes: own,
        ownOldSpaceBytes: hasFlag ? budget.ceiling.bytes : undefined,
        workerHeapLimits: workers.map(asked => workerHeapLimit(asked, own, hasFlag)),
        neighbours: readNeighbours(host.readText, groupFoldersOf(budget.kernelLimit)),
        nodeVersion: host.nodeVersion,
        memoryNodeSeesBytes: memoryV8SawBytes(budget),
      })
      isolates = sum.isolates
      // Nearly every app starts helpers: only where it would matter is it asked at the next look too.
      if (sum.isEarly && sum.sumBytes > limitBytes) workersAtLastSum = -1
      hasSaidSum = sum.isolates > 1 && sum.isSpeaker && sum.lastingBytes > limitBytes
      if (hasSaidSum) log.say(heapSumExceeds(sum, limitBytes))
    },
  }
}
