// The lookout behind the clock: sample -> step -> lines and evidence. In the second file; its rooms are in watch/.

import { openAutosize } from './autosize/open.ts'
import type { HeapBudget } from './core/budget.ts'
import { CALM_SHARE } from './core/calm.ts'
import { evidenceName, type RunId } from './core/evidence-names.ts'
import { quietly } from './core/kernel-files.ts'
import {
  isCriticalAt,
  killsAtStart,
  type LadderEvent,
  type LadderState,
  ladderOf,
  step,
  timeToNearest,
  underLimits,
  withRungs,
} from './core/ladder.ts'
import { FASTEST_MS, nextLook } from './core/pace.ts'
import type { Entry } from './core/record.ts'
import { configProblem, evidenceProblem, memoryLine, signalArrived } from './core/report-watch.ts'
import { ladderLimitsOf } from './core/resize.ts'
import type { SettingProblem, Settings } from './core/settings.ts'
import { type Bytes, bytes, type Millis, millis } from './core/units.ts'
import { readOomKills } from './core/usage.ts'
import { planReport, reportText } from './core/v8-report.ts'
import { readWatchSettings, type WatchSettings } from './core/watch-settings.ts'
import { openEvidence } from './evidence/open.ts'
import { newRunId } from './evidence/run.ts'
import type { Handover } from './host/handover.ts'
import type { Host } from './host/host.ts'
import type { Log } from './host/log.ts'
import { absolute } from './host/log-file.ts'
import { type OwnReport, takeOwnReport } from './host/own-report.ts'
import { type OwnSignal, takeOwnSignal } from './host/own-signal.ts'
import type { WatchedSignal } from './host/signals.ts'
import type { LiveWorkers } from './host/workers.ts'
import type { Lookout } from './memory-monitor.ts'
import { openMetrics } from './metrics/open.ts'
import { openBounds } from './watch/bounds.ts'
import { openCompany } from './watch/company.ts'
import { isOwnSignal, openDrain } from './watch/drain.ts'
import { openEye } from './watch/eye.ts'
import { beginFlight, currentFlight } from './watch/flight.ts'
import { despiteReplacedV8 } from './watch/replaced-v8.ts'
import { type Moment, openSpeaker } from './watch/speaker.ts'
import { startWatchdog } from './watch/watchdog.ts'

export interface LookoutParts {
  readonly host: Host
  readonly settings: Settings
  /** undefined: none was set when the process started, and what the app sets since is none of ours. */
  readonly forWatch: ForWatch | undefined
  readonly budget: HeapBudget
  readonly log: Log
  readonly liveWorkers: LiveWorkers
  /** Where the guard's files are. */
  readonly folder: string
}

/** What start-up does not know. */
export interface ForWatch extends WatchSettings {
  /** By which this run's files in HEAPGUARD_DIR are named. */
  readonly run: RunId
  readonly ownSignal: OwnSignal
  readonly ownReport: OwnReport
  /** What is shared with the watchdog; undefined: it does not run. */
  readonly handover: () => Handover | undefined
  /** For the boot line: whether V8's own report will be asked for; undefined: no. */
  readonly bootFields: { readonly reportArmed: true } | undefined
  /** For the boot line: why not. */
  readonly bootNote: string
  /** Call when the boot line is said: what earlier runs died of comes after it. Does not throw. */
  readonly begin: (budget: HeapBudget, folder: string) => void
  /** Call when the process ends. */
  readonly ended: () => void
}

/** Every so manieth look asks whether the limit moved, and whether the kernel killed another process. */
const NEWS_EACH = 10
/** While all is calm so many looks in a row may be glances … */
const MOST_GLANCES = 59
/** … and with a recorder no more than lie between two of its beats (beat-pace.ts). */
const BEAT_MS = 5000
/** So often at least the heaps of all processes are added up: those that start later are seen, with no lines either. */
const SUM_EACH_MS = 60_000

/** At boot, where something is set that start-up does not know: the watch's settings; says every problem, `problems` first. */
export function readRest(
  host: Host,
  atStart: Settings,
  problems: readonly SettingProblem[],
  log: Log,
  folder: string,
): ForWatch {
  const rest = readWatchSettings(host.readVariable, atStart.warnPercent)
  // First of all: where the process starts again nothing is said but by the one that begins anew.
  const heapPercent = rest.settings.autosizePercent
  if (heapPercent !== undefined) openAutosize({ host, settings: atStart, heapPercent, log, folder })
  for (const problem of [...problems, ...rest.problems]) log.say(configProblem(problem))
  const ownReport = takeOwnReport()
  const plan = planReport({
    report: ownReport,
    execArgv: host.execArgv,
    nodeOptions: host.readVariable('NODE_OPTIONS'),
  })
  const run = newRunId(host)
  let handover: Handover | undefined
  const dir = rest.settings.dir === undefined ? undefined : absolute(rest.settings.dir)
  const { terminationLog: words } = rest.settings
  // Of auto, off and a path the last alone has a slash.
  const terminationLog = words.includes('/') ? absolute(words) : words
  const isAsked = dir !== undefined
  return {
    ...rest.settings,
    dir,
    terminationLog,
    run,
    ownSignal: takeOwnSignal(),
    ownReport,
    handover: () => handover,
    bootFields: isAsked && plan.kind === 'arm' ? { reportArmed: true } : undefined,
    bootNote: isAsked ? reportText(plan) : '',
    ended: () => handover?.end(),
    begin: (budget, folder) => {
      if (isAsked) beginFlight({ host, log, dir, run }, budget, folder)
      if (rest.settings.watchdog)
        startWatchdog(
          {
            ...{ host, log, budget, folder },
            record: isAsked ? `${dir}/${evidenceName(run, 'record')}` : undefined,
            settled: { HEAPGUARD_LOG_FILE: atStart.logFile, HEAPGUARD_TERMINATION_LOG: terminationLog },
          },
          started => {
            handover = started
          },
        )
    },
  }
}

/** A signal arrived: the line that says so; the recorder notes it. */
export function onSignal(signal: WatchedSignal, appHandles: boolean, isPid1: boolean): Entry {
  // What the guard has sent is nobody's order to stop: no kill follows it but memory's.
  const isOwn = appHandles && isOwnSignal(signal)
  if (!isOwn) currentFlight()?.signal(signal)
  return signalArrived(signal, appHandles, isPid1)
}

/** Begins to look. Throws nothing but what a look would throw. */
export function openLookout({ host: asIs, log, folder, ...parts }: LookoutParts): Lookout {
  const host = despiteReplacedV8(asIs, parts.budget, log)
  const { warnPercent } = parts.settings
  const settings = {
    ...parts.settings,
    ...(parts.forWatch ?? readWatchSettings(() => undefined, warnPercent).settings),
  }
  const ownReport = parts.forWatch?.bootFields ? parts.forWatch.ownReport : undefined
  const evidence = openEvidence({ host, settings, run: parts.forWatch?.run, ownReport, log, folder, evidenceProblem })
  const bounds = openBounds({ host, settings, log, budget: parts.budget, liveWorkers: parts.liveWorkers })
  const company = openCompany(host, log)
  const handover = () => parts.forWatch?.handover()
  const ownThreads = () => (handover() === undefined ? 0 : 1)
  const speaker = openSpeaker({ host, log, bounds, company, evidence, ownThreads })
  const drain =
    settings.onCritical === 'sigterm' && parts.forWatch !== undefined
      ? openDrain(parts.forWatch.ownSignal, log)
      : undefined
  const eye = openEye(host, () => afterCollection())
  const group = () => bounds.budget().kernelLimit.group
  let state: LadderState = ladderOf(
    ladderLimitsOf(bounds.budget(), bounds.limitBytes(), settings),
    killsAtStart(host.pid, group(), quietly(host.readText)),
  )
  const standing = () => {
    const asked = group()
    return {
      sample: eye.aside(asked),
      group: asked,
      budget: bounds.budget(),
      state,
      history: eye.history(),
      warnPercent,
    }
  }
  const metrics =
    settings.metrics === undefined
      ? undefined
      : openMetrics({ host, log, folder, endpoint: settings.metrics, standing })
  let peak = bytes(0)
  let looks = 0
  let lookedAt = 0
  let unsummedMs = 0
  let isOver = false
  let pauseMs = settings.pulseMs || settings.intervalMs

  /** The watchdog has said a rung: what only this thread can do, or take back, is this one's still. */
  const adopt = (isHeap: boolean): void => {
    evidence.adoptLastWords()
    if (isHeap) evidence.report(true)
  }

  const act = (event: LadderEvent, moment: Moment): void => {
    switch (event.kind) {
      case 'pressure':
        // The watchdog may have said it in this very moment.
        if (handover()?.claim(event.resource, event.rung) ?? true) speaker.pressure(event, moment)
        else adopt(event.resource === 'heap')
        break
      case 'pressure-eased':
        handover()?.ease(event.resource)
        speaker.eased(event.resource, moment)
        break
      case 'oom-kill':
        company.killed(event.count)
        break
      case 'profile':
        evidence.profile(event.on)
    }
  }

  const sawHeap = (heapUsed: Bytes): void => {
    if (heapUsed > peak) peak = heapUsed
  }

  const isNews = (): boolean => {
    if (looks < NEWS_EACH) return false
    looks = 0
    metrics?.look(host.uptime())
    const own = group()
    const isMoved = bounds.readAgain()
    if (isMoved) {
      const limits = ladderLimitsOf(bounds.budget(), bounds.limitBytes(), settings)
      state = underLimits(state, limits, group()?.folder !== own?.folder)
    }
    return isMoved || (own !== undefined && readOomKills(host.readText, own) !== state.oomKills)
  }

  /** What a calm process pays: a few numbers, once each pulse. True: there is nothing more to do. */
  const glance = (): boolean => {
    const most = currentFlight() === undefined ? MOST_GLANCES : Math.min(MOST_GLANCES, BEAT_MS / pauseMs - 1)
    const seen = eye.glance(state, bounds.limitBytes(), group(), most)
    if (seen === undefined) return false
    sawHeap(seen.heapUsedBytes)
    return !isNews()
  }

  const look = (lateMs: Millis, isLineDue: boolean): void => {
    isNews()
    const sample = eye.look(group())
    const now = sample.uptimeMs
    lookedAt = now
    sawHeap(sample.memory.heapUsed)
    if (isLineDue) log.say(memoryLine(sample, bounds.budget(), log.droppedLines()))
    // What the watchdog said while this thread was blocked is not said again; what is said now, not by the watchdog.
    const shared = handover()
    const before = shared === undefined ? state : withRungs(state, shared.rungs())
    if (before.heap !== state.heap || before.container !== state.container) adopt(before.heap !== state.heap)
    const next = step(before, sample, now)
    state = next.state
    shared?.setFigures(sample.memory)
    const isHalfWay = eye.isNear(state, bounds.limitBytes())
    const calmMs = settings.pulseMs
    const nearestMs = timeToNearest(state, eye.before(), sample)
    const isUp = state.heap.rung !== undefined || state.container.rung !== undefined
    if (calmMs > 0) pauseMs = nextLook({ calmMs, lastMs: pauseMs, nearestMs, lateMs, isUp })
    const isNear = isHalfWay || (calmMs > 0 && pauseMs < calmMs)
    // First what outlives the process: it may end in the middle of what follows.
    const limitBytes = bounds.limitBytes()
    currentFlight()?.look({ sample, state, group: group(), limitBytes, isNear, pauseMs: millis(pauseMs) })
    for (const event of next.events) act(event, { state, sample, history: eye.history(), lateMs })
    company.sayKills(group(), false)
    drain?.(isCriticalAt(state, sample, now))
    if (isHalfWay) company.note(group(), now)
    metrics?.look(now)
  }

  let stopSooner = (): void => {}
  /** Until the clock takes over at its next tick, the pace that the last look asked for. */
  const lookSooner = (): void => {
    stopSooner()
    look(millis(0), false)
    stopSooner = pauseMs < settings.pulseMs ? host.every(millis(pauseMs), lookSooner) : () => {}
  }
  // What a collection leaves is seen best just after it, and a heap that fills within one pulse is collected several times
  // on its way.
  const afterCollection = (): void => {
    if (isOver || settings.pulseMs === 0 || host.uptime() - lookedAt < FASTEST_MS) return
    if (eye.oldSpace() >= state.limits.ceilingBytes * CALM_SHARE) lookSooner()
  }

  return {
    look: (lateMs, isLineDue) => {
      stopSooner()
      looks++
      unsummedMs += pauseMs
      const isSumDue = isLineDue || unsummedMs >= SUM_EACH_MS
      if (isSumDue) unsummedMs = 0
      bounds.sumHeaps(isSumDue)
      // A look that is late, or sooner than the calm pace, has a reason to see everything.
      if (isLineDue || pauseMs !== settings.pulseMs || lateMs >= pauseMs || !glance()) look(lateMs, isLineDue)
      return millis(pauseMs)
    },
    peakHeapUsedBytes: () => peak,
    end: (reason, exitCode) => {
      isOver = true
      stopSooner()
      company.sayKills(group(), true)
      metrics?.end()
      evidence.profile(false)
      evidence.report(false)
      currentFlight()?.end(reason ?? 'exit')
      if (reason === 'exit' && exitCode === 0) evidence.clearLastWords()
    },
  }
}
