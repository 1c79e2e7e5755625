// The lookout behind the clock: sample -> step -> lines and evidence. In the second file.
import { verdictOf } from './core/assess.ts'
import { type HeapBudget, leastKnownLimit } from './core/budget.ts'
import { type Cause, type Companion, causeOf, growthOver, hasWorkers, type Look, lookAt } from './core/cause.ts'
import { groupFoldersOf, readLimitAgain } from './core/cgroup.ts'
import { heapSumOf, workerHeapLimit } from './core/heap-sum.ts'
import {
  containerUsed,
  heapLevel,
  type LadderEvent,
  type LadderState,
  ladderOf,
  type Resource,
  step,
  timeToNearest,
  underLimits,
} from './core/ladder.ts'
import { nextLook } from './core/pace.ts'
import { heapSumExceeds } from './core/report-sum.ts'
import {
  configProblem,
  evidenceProblem,
  lastWordsOf,
  limitChanged,
  memoryLine,
  oomKill,
  pressure,
  pressureEased,
} from './core/report-watch.ts'
import { ladderLimitsOf, memoryV8SawBytes, resized } from './core/resize.ts'
import type { Sample } from './core/sample.ts'
import type { ReadVariable, SettingProblem, Settings } from './core/settings.ts'
import { remember, timeTo } from './core/trend.ts'
import { type Bytes, bytes, type Millis, millis } from './core/units.ts'
import { readWatchSettings, type WatchSettings } from './core/watch-settings.ts'
import { openEvidence } from './evidence/open.ts'
import type { Host } from './host/host.ts'
import type { Log } from './host/log.ts'
import { readNeighbours } from './host/neighbours.ts'
import { companionsIn, openSampler, threadCount } from './host/sampler.ts'
import type { LiveWorkers } from './host/workers.ts'
import type { Lookout } from './memory-monitor.ts'

export interface LookoutParts {
  readonly host: Host
  readonly settings: Settings
  /** undefined: none was set when the process started, and what the app sets since is none of ours. */
  readonly forWatch: WatchSettings | undefined
  readonly budget: HeapBudget
  readonly log: Log
  readonly liveWorkers: LiveWorkers
  /** Where the guard's files are. */
  readonly folder: string
}

type Pressure = Extract<LadderEvent, { kind: 'pressure' }>

/** While all is calm every so manieth look reads all of the group's files, the others its usage alone. */
const WHOLE_EACH = 20
/** Every so manieth look asks whether the limit moved. */
const LIMIT_EACH = 10
/** For so many looks more the killed process may still be on the list. */
const KILL_LOOKS = 3
/** Half-way to a limit every look reads all. */
const NEAR_SHARE = 0.5
/** Who else is in the container is noted this often while it is half full. */
const COMPANIONS_EACH_MS = 1000

/** At boot, where something is set that start-up does not know: the watch's settings; says every problem, `problems` first. */
export function readTheRest(
  readVariable: ReadVariable,
  warnPercent: number,
  problems: readonly SettingProblem[],
  log: Log,
): WatchSettings {
  const rest = readWatchSettings(readVariable, warnPercent)
  for (const problem of [...problems, ...rest.problems]) log.say(configProblem(problem))
  return rest.settings
}

/** Begins to look. Throws nothing but what a look would throw. */
export function openLookout(parts: LookoutParts): Lookout {
  const { host, budget: atBoot, log, liveWorkers, folder } = parts
  const { warnPercent } = parts.settings
  const settings = {
    ...parts.settings,
    ...(parts.forWatch ?? readWatchSettings(() => undefined, warnPercent).settings),
  }
  const takeSample = openSampler(host)
  const evidence = openEvidence({ host, settings, log, folder, evidenceProblem })
  let budget = atBoot
  let limitBytes = leastKnownLimit(budget)
  let state: LadderState = ladderOf(ladderLimitsOf(budget, limitBytes, settings))
  let history: readonly Look[] = []
  let before: Sample | undefined
  let companions: readonly Companion[] = []
  let companionsAt = 0
  let kills: { readonly count: number; readonly before: readonly Companion[]; looksLeft: number } | undefined
  let workersAtLastSum = -1
  let hasSaidSum = false
  let peak = bytes(0)
  let looks = 0
  let pauseMs = settings.pulseMs || settings.intervalMs

  const isNear = (sample: Sample | undefined): boolean =>
    sample !== undefined &&
    (state.heap.rung !== undefined ||
      state.container.rung !== undefined ||
      sample.oldSpaceBytes >= state.limits.ceilingBytes * NEAR_SHARE ||
      (limitBytes !== undefined && containerUsed(sample) >= limitBytes * NEAR_SHARE))

  const readLimit = (): void => {
    const { kernelLimit } = budget
    const lambdaMemoryMB = host.readVariable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')
    const now = readLimitAgain(host.readText, kernelLimit, { lambdaMemoryMB })
    if (now === kernelLimit) return
    const from = kernelLimit.kind === 'limited' ? kernelLimit.limitBytes : undefined
    budget = resized(budget, now, settings.containerMemoryMB)
    limitBytes = leastKnownLimit(budget)
    state = underLimits(state, ladderLimitsOf(budget, limitBytes, settings))
    if (from === (now.kind === 'limited' ? now.limitBytes : undefined)) return
    const { nodeVersion } = host
    log.say(limitChanged(from, budget, verdictOf(budget, warnPercent), { nodeVersion, warnPercent }))
  }

  // At the first look, at each line, and whenever the number of workers is another one.
  const sumHeaps = (isLineDue: boolean): void => {
    const workers = liveWorkers()
    if (hasSaidSum || limitBytes === undefined || (workers.length === workersAtLastSum && !isLineDue)) return
    workersAtLastSum = workers.length
    const own = budget.heapLimitBytes
    const hasFlag = budget.ceiling.source !== 'heap-size-limit'
    const sum = heapSumOf({
      ownPid: host.pid,
      ownHeapLimitBytes: own,
      ownOldSpaceBytes: hasFlag ? budget.ceiling.bytes : undefined,
      workerHeapLimits: workers.map(asked => workerHeapLimit(asked, own, hasFlag)),
      neighbours: readNeighbours(host.readText, groupFoldersOf(budget.kernelLimit)),
      nodeVersion: host.nodeVersion,
      memoryNodeSeesBytes: memoryV8SawBytes(budget),
    })
    hasSaidSum = sum.isolates > 1 && sum.isSpeaker && sum.sumBytes > limitBytes
    if (hasSaidSum) log.say(heapSumExceeds(sum, limitBytes))
  }

  const isWholeDue = (): boolean => settings.pulseMs === 0 || looks % WHOLE_EACH === 1 || isNear(before)

  const sampleNow = (isLineDue: boolean): Sample => {
    const { group } = budget.kernelLimit
    if (isWholeDue()) return takeSample(group, { kind: 'whole' })
    const belowBytes = bytes(isLineDue ? 0 : (limitBytes ?? 0) * NEAR_SHARE)
    return takeSample(group, { kind: 'calm', belowBytes })
  }

  /** Calm looks leave no trace, but for the last before it was no longer calm. */
  const note = (sample: Sample): void => {
    if (!isWholeDue() && !isNear(sample)) return
    if (before !== undefined && history.at(-1)?.atMs !== before.uptimeMs)
      history = remember(history, lookAt(before, before.uptimeMs))
    history = remember(history, lookAt(sample, sample.uptimeMs))
  }

  const noteCompanions = (now: Millis): void => {
    const { group } = budget.kernelLimit
    if (group === undefined || !isNear(before) || now - companionsAt < COMPANIONS_EACH_MS) return
    companionsAt = now
    companions = companionsIn(host, group)
  }

  const causeNow = (resource: Resource, latest: Look): Cause => {
    if (resource === 'heap')
      return { kind: 'heap', partBytes: latest.heapUsed, ofBytes: latest.heapUsed, sinceMs: undefined }
    const poolSize = Number(host.readVariable('UV_THREADPOOL_SIZE') ?? 4)
    return causeOf(history, latest, limitBytes ?? latest.held, hasWorkers(threadCount(host), poolSize))
  }

  const sayPressure = ({ resource, rung, isCramped }: Pressure, sample: Sample, lateMs: Millis, now: Millis): void => {
    const { ceilingBytes } = state.limits
    const isHeap = resource === 'heap'
    const levelBytes = isHeap ? heapLevel(state, sample, now) : containerUsed(sample)
    const whole = isHeap ? ceilingBytes : (limitBytes as Bytes)
    const cause = causeNow(resource, lookAt(sample, now))
    const growth = growthOver(history, isHeap ? 'heapUsed' : 'held')
    const { group } = budget.kernelLimit
    const [culprit] = cause.kind === 'process' && group !== undefined ? companionsIn(host, group) : []
    const isSampled = evidence.isSampling()
    const entry = pressure({
      sample,
      budget,
      droppedLines: log.droppedLines(),
      resource,
      rung,
      isCramped,
      levelBytes,
      limitBytes: whole,
      cause,
      growth,
      leftMs: timeTo(whole, levelBytes, growth),
      suspects: cause.kind === 'heap' ? evidence.suspects() : [],
      isSampled,
      culprit,
      lateMs,
    })
    // First what outlives the process: the line may find nobody who reads.
    evidence.lastWords(lastWordsOf(entry, { time: host.isoTime(), pid: host.pid }))
    log.say(entry)
  }

  // The counter rises before the killed process is off the list: it is named as soon as it is, or said without a name.
  const sayKills = (isLast: boolean): void => {
    if (kills === undefined) return
    const { group } = budget.kernelLimit
    const alive = new Set((group === undefined ? [] : companionsIn(host, group)).map(({ pid }) => pid))
    const gone = kills.before.filter(({ pid }) => !alive.has(pid))
    if (gone.length === 0 && kills.before.length > 0 && !isLast && kills.looksLeft-- > 0) return
    log.say(oomKill(kills.count, gone))
    kills = undefined
  }

  const act = (event: LadderEvent, sample: Sample, lateMs: Millis, now: Millis): void => {
    switch (event.kind) {
      case 'pressure':
        sayPressure(event, sample, lateMs, now)
        break
      case 'pressure-eased': {
        const isHeap = event.resource === 'heap'
        const level = isHeap ? heapLevel(state, sample, now) : containerUsed(sample)
        if (state.heap.rung === undefined && state.container.rung === undefined) evidence.clearLastWords()
        log.say(pressureEased(event.resource, level, isHeap ? state.limits.ceilingBytes : (limitBytes as Bytes)))
        break
      }
      case 'oom-kill':
        kills = { count: event.count + (kills?.count ?? 0), before: kills?.before ?? companions, looksLeft: KILL_LOOKS }
        break
      case 'profile':
        evidence.profile(event.on)
    }
  }

  return {
    look: (lateMs, isLineDue) => {
      looks++
      if (looks % LIMIT_EACH === 0) readLimit()
      sumHeaps(isLineDue)
      const sample = sampleNow(isLineDue)
      const now = sample.uptimeMs
      if (sample.memory.heapUsed > peak) peak = sample.memory.heapUsed
      if (isLineDue) log.say(memoryLine(sample, budget, log.droppedLines()))
      note(sample)
      const next = step(state, sample, now)
      state = next.state
      for (const event of next.events) act(event, sample, lateMs, now)
      sayKills(false)
      const nearestMs = timeToNearest(state, before, sample)
      before = sample
      noteCompanions(now)
      const calmMs = settings.pulseMs
      const isUp = state.heap.rung !== undefined || state.container.rung !== undefined
      if (calmMs > 0) pauseMs = nextLook({ calmMs, lastMs: pauseMs, nearestMs, lateMs, isUp })
      return millis(pauseMs)
    },
    peakHeapUsedBytes: () => peak,
    end: isClean => {
      sayKills(true)
      evidence.profile(false)
      if (isClean) evidence.clearLastWords()
    },
  }
}
