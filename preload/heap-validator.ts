// At boot: gather the facts through the host, let core judge, say one line.
import { verdictOf } from './core/assess.ts'
import { budgetOf, type HeapBudget, memoryNodeSees } from './core/budget.ts'
import { readContainerLimit } from './core/cgroup.ts'
import { readOldSpaceLimit } from './core/flags.ts'
import { workedOutFor } from './core/heap-size.ts'
import { parseMachineBytes, quietly } from './core/kernel-files.ts'
import { heapValidated, type OnBoot } from './core/report.ts'
import type { Settings } from './core/settings.ts'
import { mbToBytes } from './core/units.ts'
import type { Host } from './host/host.ts'
import type { Log } from './host/log.ts'
import { ifLoadable, type Watch } from './host/second-file.ts'

declare const HEAPGUARD_VERSION: string

/**
 * Checks V8's heap limit against the container's memory, says one `heap-validated` line and returns the budget that the
 * watch goes by. Throws nothing for what it finds, however odd.
 */
export function validateHeapConfiguration(
  host: Host,
  settings: Settings,
  log: Log,
  watch: () => Watch,
  more?: OnBoot,
): HeapBudget {
  const budget = readBudget(host, settings, workedOutFor)
  sayVerdict(budget, host, settings, log, watch, more)
  return budget
}

/**
 * V8's heap limit and the container's memory, as they are now; bytes. `workOut` tells the limit without V8, or undefined;
 * without it V8 is asked.
 */
export function readBudget(host: Host, settings: Settings, workOut?: typeof workedOutFor): HeapBudget {
  const memoryNodeSeesBytes = memoryNodeSees(
    host.constrainedMemory(),
    parseMachineBytes(quietly(host.readText)('/proc/meminfo')),
  )
  const { execArgv, nodeVersion, sized } = host
  const flags = { execArgv, nodeOptions: host.readVariable('NODE_OPTIONS'), nodeVersion, memoryNodeSeesBytes }
  const oldSpaceLimit = readOldSpaceLimit(flags)
  const workedOutBytes = workOut?.(sized, flags, oldSpaceLimit)
  const budget = budgetOf({
    heapLimitBytes: workedOutBytes ?? host.heapLimit(),
    oldSpaceLimit,
    kernelLimit: readContainerLimit(host.readText, {
      lambdaMemoryMB: host.readVariable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
    }),
    operatorMB: settings.containerMemoryMB,
    nodeSeesBytes: memoryNodeSeesBytes,
  })
  return workedOutBytes === undefined ? budget : { ...budget, heapLimitSource: 'worked-out' }
}

/** Says one `heap-validated` line, behind a `config-problem` where the kernel's limit is below the operator's. */
export function sayVerdict(
  budget: HeapBudget,
  host: Host,
  settings: Settings,
  log: Log,
  watch: () => Watch,
  more?: OnBoot,
): void {
  const { kernelLimit } = budget
  const { warnPercent, containerMemoryMB } = settings
  const verdict = verdictOf(budget, warnPercent)
  const isAboveKernel =
    containerMemoryMB !== undefined &&
    kernelLimit.kind === 'limited' &&
    kernelLimit.limitBytes < mbToBytes(containerMemoryMB)
  const words = isAboveKernel || verdict.kind !== 'fits' ? ifLoadable(watch) : undefined
  if (isAboveKernel && words !== undefined)
    log.say(words.kernelLimitIsLower(containerMemoryMB, kernelLimit.limitBytes, kernelLimit.path))
  const { nodeVersion } = host
  const advice = verdict.kind === 'fits' ? undefined : words?.adviceOn(budget, verdict, { nodeVersion, warnPercent })
  const isPid1 = host.pid === 1
  log.say(
    heapValidated({ budget, verdict, warnPercent, version: HEAPGUARD_VERSION, nodeVersion, isPid1 }, advice, more),
  )
}
