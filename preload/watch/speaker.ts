// A rung is reached, or a climb is over: what is said of it, and what is left where it outlives the process.
import { type Cause, causeOf, growthOver, hasWorkers, type Look, lookAt } from '../core/cause.ts'
import { heapLevel } from '../core/heap-level.ts'
import { containerUsed, type LadderEvent, type LadderState, type Resource } from '../core/ladder.ts'
import { lastWordsOf, pressure, pressureEased } from '../core/report-watch.ts'
import type { Sample } from '../core/sample.ts'
import { timeTo } from '../core/trend.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { Evidence } from '../evidence/open.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { threadCount } from '../host/sampler.ts'
import type { Bounds } from './bounds.ts'
import type { Company } from './company.ts'

export interface SpeakerParts {
  readonly host: Host
  readonly log: Log
  readonly bounds: Bounds
  readonly company: Company
  readonly evidence: Evidence
  /** Threads of the guard's own. */
  readonly ownThreads: () => number
  /** What is left of a cause where it is seen from another thread, and the sentence that goes with it. */
  readonly doubt?: (cause: Cause) => { readonly cause: Cause; readonly note: string }
}

/** What is known of the moment. */
export interface Moment {
  readonly state: LadderState
  readonly sample: Sample
  readonly history: readonly Look[]
  /** How late this look came. */
  readonly lateMs: Millis
}

export interface Speaker {
  readonly pressure: (event: Extract<LadderEvent, { kind: 'pressure' }>, moment: Moment) => void
  readonly eased: (resource: Resource, moment: Moment) => void
}

/** Says nothing yet. */
export function openSpeaker({ host, log, bounds, company, evidence, ownThreads, doubt }: SpeakerParts): Speaker {
  const levelOf = (resource: Resource, { state, sample }: Moment): Bytes =>
    resource === 'heap' ? heapLevel(state, sample, sample.uptimeMs) : containerUsed(sample)
  const wholeOf = (resource: Resource, { state }: Moment): Bytes =>
    resource === 'heap' ? state.limits.ceilingBytes : (bounds.limitBytes() as Bytes)

  const causeNow = (resource: Resource, { sample, history }: Moment): Cause => {
    const latest = lookAt(sample, sample.uptimeMs)
    if (resource === 'heap')
      return { kind: 'heap', partBytes: latest.heapUsed, ofBytes: latest.heapUsed, sinceMs: undefined }
    const poolSize = Number(host.readVariable('UV_THREADPOOL_SIZE') ?? 4)
    const threads = (threadCount(host) ?? 0) - ownThreads()
    return causeOf(history, latest, bounds.limitBytes() ?? latest.held, hasWorkers(threads, poolSize))
  }

  return {
    pressure: ({ resource, rung, isCramped }, moment) => {
      const { sample, history, lateMs } = moment
      if (resource === 'heap') evidence.report(true)
      const budget = bounds.budget()
      const levelBytes = levelOf(resource, moment)
      const limitBytes = wholeOf(resource, moment)
      const seen = causeNow(resource, moment)
      const { cause, note } = doubt?.(seen) ?? { cause: seen, note: undefined }
      const growth = growthOver(history, resource === 'heap' ? 'heapUsed' : 'held')
      const isSampled = evidence.isSampling()
      const entry = pressure({
        sample,
        budget,
        droppedLines: log.droppedLines(),
        resource,
        rung,
        isCramped,
        levelBytes,
        limitBytes,
        cause,
        growth,
        leftMs: timeTo(limitBytes, levelBytes, growth),
        suspects: cause.kind === 'heap' ? evidence.suspects() : [],
        isSampled,
        culprit: cause.kind === 'process' ? company.largest(budget.kernelLimit.group) : undefined,
        lateMs,
        note,
      })
      // First what outlives the process: the line may find nobody who reads.
      evidence.lastWords(lastWordsOf(entry, { time: host.isoTime(), pid: host.pid }))
      log.say(entry)
      // Last: it stops everything.
      if (resource === 'heap') {
        const most = bounds.limitBytes()
        evidence.snapshot({
          heapUsedBytes: sample.memory.heapUsed,
          container: most === undefined ? undefined : { limitBytes: most, heldBytes: containerUsed(sample) },
        })
      }
    },
    eased: (resource, moment) => {
      const { heap, container } = moment.state
      if (resource === 'heap') evidence.report(false)
      if (heap.rung === undefined && container.rung === undefined) evidence.clearLastWords()
      log.say(pressureEased(resource, levelOf(resource, moment), wholeOf(resource, moment), moment.sample))
    },
  }
}
