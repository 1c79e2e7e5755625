// The watchdog's own thread: it looks where the main thread cannot, and says what the main thread would have said.
import { killsOf } from '../core/flight-record.ts'
import { containerUsed, type LadderEvent, type LadderState, ladderOf, step, withRungs } from '../core/ladder.ts'
import { seenFromOutside } from '../core/report-watchdog.ts'
import { ladderLimitsOf } from '../core/resize.ts'
import type { Sample } from '../core/sample.ts'
import { readSettings } from '../core/settings.ts'
import { bytes, type Millis, millis } from '../core/units.ts'
import { readUsage } from '../core/usage.ts'
import { readWatchSettings } from '../core/watch-settings.ts'
import type { Evidence } from '../evidence/open.ts'
import { type LastWords, openLastWords } from '../evidence/termination-log.ts'
import { openHandover } from '../host/handover.ts'
import { realHost } from '../host/host.ts'
import { openLog } from '../host/log.ts'
import { openBounds } from '../watch/bounds.ts'
import { openCompany } from '../watch/company.ts'
import { openEye } from '../watch/eye.ts'
import { type Moment, openSpeaker } from '../watch/speaker.ts'
import { openBeats } from './beats.ts'
import type { WatchdogData } from './data.ts'
import { type MainThread, reachMainThread } from './main-thread.ts'
import { openProbe } from './probe.ts'
import { openView } from './view.ts'

type Pressure = Extract<LadderEvent, { kind: 'pressure' }>

/** It looks this often. */
const LOOK_MS = 50
/** … and this often where the container fills while the main thread does not turn: a huge allocation takes 0.2 s. */
const FAST_MS = 10
/** Growth from one tick to the next that counts as filling, of the limit. */
const FILLING_SHARE = 0.03
/** The main thread is blocked when it has missed two beats. */
const BLOCKED_MS = 120
/** While the main thread turns, it is enough to know what there was before a climb. */
const CALM_MS = 1000
/** Every so manieth calm look asks whether the limit moved. */
const LIMIT_EACH = 10
/** So long a line waits for the names of its suspects: collecting comes first [measured: 20 to 210 ms]. */
const NAMES_MS = 300

/** Runs for as long as the thread does. Nothing that is thrown in a tick gets out of it. */
export function watch(): void {
  const { workerData } = require('node:worker_threads') as typeof import('node:worker_threads')
  const { shared, variables, heapLimitBytes, folder, record, outputsAtBoot, ...given } = workerData as WatchdogData
  const { settings: atBoot } = readSettings(name => variables[name])
  const settings = { ...atBoot, ...readWatchSettings(name => variables[name], atBoot.warnPercent).settings }
  const own = realHost()
  const handover = openHandover(shared)
  let main: MainThread | undefined
  let seenBeats = -1
  let seenAt = own.uptime()
  let blockedAt: Millis | undefined

  const connect = (): MainThread | undefined => {
    if (!handover.connect()) return undefined
    const reached = reachMainThread(own.uptime, folder)
    if (reached === undefined) handover.disconnected()
    return reached
  }
  const disconnect = (): void => {
    if (main === undefined) return
    main.leave()
    main = undefined
    handover.disconnected()
  }
  const view = openView({ own, handover, variables, heapLimitBytes, lastUsage: () => main?.usage() })
  const { host, rss } = view
  const log = openLog({ ...host, identityAtBoot: fd => outputsAtBoot[fd - 1] }, settings)
  const quiet = { say: () => {}, droppedLines: () => 0 }
  const bounds = openBounds({ host, settings, log: quiet, budget: given.budget, liveWorkers: () => [] })
  const limits = () => ladderLimitsOf(bounds.budget(), bounds.limitBytes(), settings)
  const eye = openEye(host, () => {})
  let state: LadderState = ladderOf(limits())

  let words: LastWords | undefined
  const evidence: Evidence = {
    profile: on => main?.sample(on && settings.profile),
    isSampling: () => main?.isSampling() ?? false,
    suspects: () => probe.named(),
    report: () => {},
    // The other thread's heap is not for this one to write.
    snapshot: () => {},
    lastWords: sentence => {
      if (settings.terminationLog === 'off') return
      try {
        words ??= openLastWords(settings.terminationLog, host)
        words.write(sentence)
      } catch {
        // The main thread says so, where it was asked for; here there is the line.
      }
    },
    clearLastWords: () => {},
    adoptLastWords: () => {},
  }
  const speaker = openSpeaker({
    host,
    log,
    bounds,
    company: openCompany(host, quiet),
    evidence,
    ownThreads: () => 1,
    doubt: cause =>
      seenFromOutside(cause, {
        blockedMs: millis(own.uptime() - (blockedAt ?? own.uptime())),
        answers: view.usage() !== undefined,
        tellsBuffers: main?.usage()?.backing !== undefined,
      }),
  })

  let waiting: { readonly event: Pressure; readonly moment: Moment; readonly untilMs: number } | undefined
  const sayWaiting = (): void => {
    if (waiting === undefined) return
    const { event, moment } = waiting
    waiting = undefined
    speaker.pressure(event, moment)
  }
  const sayPressure = (event: Pressure, moment: Moment): void => {
    // The main thread may have come back and said it in this very moment. Whatever comes of the line, the rung is taken.
    if (!handover.claim(event.resource, event.rung)) return
    sayWaiting()
    if (event.resource === 'heap' && probe.named().length === 0 && main?.isSampling())
      waiting = { event, moment, untilMs: own.uptime() + NAMES_MS }
    else speaker.pressure(event, moment)
  }

  const probe = openProbe({ now: own.uptime, countCollection: view.countCollection, onNamed: sayWaiting })
  const watchHeap = (): void => {
    const usage = view.usage()
    if (main === undefined || usage === undefined) return
    const ceiling = limits().ceilingBytes
    // No collection is noticed from here, so a climb would be known late: sampling begins half-way.
    if (usage.used >= ceiling / 2) evidence.profile(true)
    probe.look(main, usage, ceiling)
  }

  const { Date: RealDate } = globalThis
  const write =
    record === undefined
      ? undefined
      : openBeats({ files: host.files, path: record, now: () => millis(RealDate.now()), uptime: own.uptime })
  const note = ({ memory, container, ...sample }: Sample): void => {
    // At its end V8 collects without a pause and answers no more: what it said last is nearer than what was before.
    const heap = main?.usage()
    write?.(
      {
        uptimeMs: sample.uptimeMs,
        rssBytes: memory.rss,
        heapTotalBytes: heap?.total ?? memory.heapTotal,
        heapUsedBytes: heap?.used ?? memory.heapUsed,
        externalBytes: memory.external,
        arrayBuffersBytes: memory.arrayBuffers,
        oldSpaceBytes: heap?.used ?? sample.oldSpaceBytes,
        usageBytes: container.usageBytes,
        workingSetBytes: container.workingSetBytes,
        heldBytes: containerUsed({ container, memory }),
        limitBytes: bounds.limitBytes(),
        oomKills: killsOf(given.budget.kernelLimit.group, bounds.budget().kernelLimit.group, container.events?.oomKill),
        heapRung: state.heap.rung,
        containerRung: state.container.rung,
      },
      eye.isNear(state, bounds.limitBytes()),
    )
  }

  const look = (): void => {
    const isBlocked = blockedAt !== undefined
    if (isBlocked && (eye.isNear(state, bounds.limitBytes()) || rss() > handover.figures().rss * 1.2)) {
      main ??= connect()
      main?.ask()
      watchHeap()
    }
    const sample = eye.look(bounds.budget().kernelLimit.group)
    if (!isBlocked) return
    // What the main thread said a moment ago is not said again, and stands in the record.
    const next = step(withRungs(state, handover.rungs()), sample, sample.uptimeMs)
    state = next.state
    // First what outlives the process.
    if (!handover.isEnding()) note(sample)
    // The calm before says what there was, and nothing of how fast it grows now.
    const history = eye.history().filter(({ atMs }) => atMs >= (blockedAt ?? 0) - CALM_MS - LOOK_MS)
    const moment = { state, sample, history, lateMs: millis(0) }
    for (const event of next.events)
      if (event.kind === 'pressure') sayPressure(event, moment)
      else if (event.kind === 'profile') evidence.profile(event.on)
  }

  let usedBefore = 0
  let isFilling = false
  /** One missed beat is nothing, unless the container has filled up in the meantime. */
  const isFull = (): boolean => {
    const limitBytes = bounds.limitBytes()
    const { group } = bounds.budget().kernelLimit
    if (limitBytes === undefined) return false
    const container = group === undefined ? {} : readUsage(host.readText, group, { kind: 'calm', belowBytes: bytes(0) })
    const used = containerUsed({ container, memory: { rss: rss() } })
    isFilling = used > usedBefore + limitBytes * FILLING_SHARE
    usedBefore = used
    return used * 100 >= limitBytes * settings.warnPercent
  }

  let calmLooks = 0
  let lookedAt = Number.NEGATIVE_INFINITY
  const tick = (): void => {
    const now = own.uptime()
    if (handover.isEnding()) disconnect()
    if (waiting !== undefined && now > waiting.untilMs) sayWaiting()
    isFilling = false
    const beats = handover.beats()
    if (beats !== seenBeats) {
      seenBeats = beats
      seenAt = now
      if (blockedAt !== undefined) {
        blockedAt = undefined
        sayWaiting()
        disconnect()
        probe.forget()
      }
      if (now - lookedAt < CALM_MS) return
      lookedAt = now
      if (++calmLooks % LIMIT_EACH === 0) bounds.readAgain()
      look()
    } else if (isFull() || isFilling || now - seenAt >= BLOCKED_MS) {
      if (blockedAt === undefined) {
        blockedAt = millis(seenAt)
        state = withRungs(ladderOf(limits()), handover.rungs())
      }
      look()
    }
  }
  // The timer holds the thread, which does not hold the process.
  const next = (): void => {
    try {
      tick()
    } catch {
      // The next look may do better; nothing of the thread's is ever printed.
    }
    setTimeout(next, isFilling ? FAST_MS : LOOK_MS)
  }
  next()
}
