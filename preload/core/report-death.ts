// The wording of `previous-death`: what the next start says of a run that did not end.
import type { Beat, FlightHead } from './flight-record.ts'
import type { Because, Confidence, Death, DeathVerdict, Standing } from './previous-death.ts'
import type { Entry } from './record.ts'
import { mb, percent } from './report.ts'
import { bytes, roundedMB, roundedRatio, roundedSeconds } from './units.ts'

export interface DeathFacts {
  readonly verdict: DeathVerdict
  /** The run's name in HEAPGUARD_DIR, and its pid. */
  readonly run: string
  readonly pid: number
  /** undefined: it could not be read. */
  readonly head: FlightHead | undefined
  /** ISO 8601, UTC: the last beat, else the last write to the file. */
  readonly lastSeen: string
}

/** `previous-death`. */
export function previousDeath({ verdict, run, pid, head, lastSeen }: DeathFacts): Entry {
  const { death, confidence, because, last } = verdict
  const where = head?.hostName === undefined ? '' : ` on ${head.hostName}`
  const age = last === undefined ? '' : ` after ${roundedSeconds(last.uptimeMs)} s`
  return {
    level: death === 'v8-heap-limit' || death === 'kernel-oom' ? 'error' : 'warn',
    event: 'previous-death',
    msg: `An earlier run (pid ${pid}${where}, last seen ${lastSeen}${age}) did not end in good order. ${outcome(death, confidence)}: ${reason(because, last)}${REMEDIES[death]}`,
    fields: {
      death,
      confidence,
      lastSeen,
      run,
      hostName: head?.hostName,
      ...(last === undefined
        ? {}
        : {
            rssMB: roundedMB(last.rssBytes),
            heapTotalMB: roundedMB(last.heapTotalBytes),
            heapUsedMB: roundedMB(last.heapUsedBytes),
            externalMB: roundedMB(last.externalBytes),
            arrayBuffersMB: roundedMB(last.arrayBuffersBytes),
            heapLimitMB: head === undefined ? undefined : roundedMB(head.heapLimitBytes),
            heapCeilingMB: head === undefined ? undefined : roundedMB(head.ceilingBytes),
            heapUsedRatio: head === undefined ? undefined : roundedRatio(last.heapUsedBytes, head.ceilingBytes),
            containerUsageMB: last.usageBytes === undefined ? undefined : roundedMB(last.usageBytes),
            containerWorkingSetMB: last.workingSetBytes === undefined ? undefined : roundedMB(last.workingSetBytes),
            containerMemoryMB: last.limitBytes === undefined ? undefined : roundedMB(last.limitBytes),
            containerRatio:
              last.limitBytes === undefined
                ? undefined
                : roundedRatio(last.workingSetBytes ?? last.usageBytes ?? last.rssBytes, last.limitBytes),
            runUptimeS: roundedSeconds(last.uptimeMs),
          }),
    },
  }
}

const SURENESS: Readonly<Record<Confidence, string>> = { certain: '', likely: 'Most likely ', possible: 'Possibly ' }

const OUTCOMES: Readonly<Record<Death, string>> = {
  'v8-heap-limit': 'V8 ended it at its heap limit',
  'kernel-oom': 'the kernel killed it for want of memory',
  'stopped-from-outside': 'it was stopped from outside, and killed when its time was over',
  'killed-from-outside': 'it was killed from outside',
  crash: 'it crashed',
  'not-known': 'what it died of is not known',
}

function outcome(death: Death, confidence: Confidence): string {
  if (death === 'not-known') return 'What it died of is not known'
  const text = SURENESS[confidence] + OUTCOMES[death]
  return text[0]?.toUpperCase() + text.slice(1)
}

/** What is put against which limit; without its usage (see containerUsed) the container was judged by RSS. */
function sides(resource: Standing['resource'], last: Beat | undefined): readonly [held: string, whose: string] {
  if (resource === 'heap') return ['the JS heap held', '']
  return last?.usageBytes === undefined
    ? ["its RSS (the container's usage could not be read) was", "the container's "]
    : ['the container held', '']
}

function stood({ resource, levelBytes, limitBytes, growth }: Standing, last: Beat | undefined): string {
  const [held, whose] = sides(resource, last)
  const speed = growth?.isSteady && growth.perMs > 0 ? `, growing by ${mb(bytes(growth.perMs * 1000))} a second` : ''
  return `${held} ${mb(levelBytes)} of ${whose}${mb(limitBytes)} (${percent(levelBytes, limitBytes)}) at the last look${speed}`
}

/** Less is not worth a number. */
const LIVED_ON_MS = 100

function reason(because: Because, last: Beat | undefined): string {
  switch (because.kind) {
    case 'heap-report':
      return 'its report of a full heap lies beside the record.'
    case 'uncaught':
      return 'an exception that nothing caught; what it was stands in its own last lines.'
    case 'counter': {
      const times = because.kills === 1 ? 'by one' : `by ${because.kills}`
      const level = because.standing === undefined ? '' : `, and ${stood(because.standing, last)}`
      return `the oom_kill counter of its group rose ${times} since its last look${level}.`
    }
    case 'level':
      return `${stood(because.standing, last)}${because.afterSignal ? ', but it had been told to stop, and may have been killed for that' : ''}.`
    case 'signal':
      return because.livedOnMs < LIVED_ON_MS
        ? `${because.signal} had arrived just before its last look, and memory was not short.`
        : `${because.signal} had arrived, it lived for ${roundedSeconds(because.livedOnMs)} s more at least, and memory was not short.`
    case 'machine':
      return 'the machine was started anew since, and memory was not short.'
    case 'calm':
      return 'memory was not short at the last look. A SIGKILL, a signal that the app does not handle, a crash in native code (abort, SIGSEGV), a lost machine, and an allocation within one turn of the event loop all look like this.'
    case 'unreadable':
      return 'its record holds nothing that can be read.'
  }
}

const REMEDIES: Readonly<Record<Death, string>> = {
  'v8-heap-limit': ' Find what keeps these objects, or give heap and container more.',
  'kernel-oom': ' See what grew in its pressure and memory lines, or give the container more.',
  'stopped-from-outside': ' End sooner after the signal, or lengthen the grace period.',
  'killed-from-outside': '',
  crash: '',
  'not-known': '',
}
