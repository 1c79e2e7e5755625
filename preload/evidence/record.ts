// The file beside the second that HEAPGUARD_DIR asks for, dist/record.js: the flight recorder, and what earlier runs left.
// watch.js loads it at boot where that is set, so before the app has replaced anything that it takes.
import type { HeapBudget } from '../core/budget.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import type { RunId } from '../core/evidence-names.ts'
import { evidenceName } from '../core/evidence-names.ts'
import { killsOf, newFlightRecord } from '../core/flight-record.ts'
import { containerUsed, type LadderState } from '../core/ladder.ts'
import { evidenceProblem } from '../core/report-watch.ts'
import type { Sample } from '../core/sample.ts'
import { type Bytes, bytes, type Millis, millis } from '../core/units.ts'
import { readUsage } from '../core/usage.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { type EarlierRuns, openEarlierRuns } from './earlier-runs.ts'
import { realEvidenceFiles } from './evidence-files.ts'
import { heldBack } from './held-back.ts'
import { askPid, readHere } from './here.ts'
import { openRecorder, type Recorder } from './recorder.ts'

declare const HEAPGUARD_VERSION: string

export interface FlightParts {
  readonly host: Host
  readonly log: Log
  readonly dir: string
  readonly run: RunId
  readonly budget: HeapBudget
}

/** What was seen in a look. */
export interface Seen {
  readonly sample: Sample
  readonly state: LadderState
  /** Whose files were read. */
  readonly group: MemoryGroup | undefined
  readonly limitBytes: Bytes | undefined
  readonly isNear: boolean
  /** Until the next look. */
  readonly pauseMs: Millis
}

/** The recorder of this process and the reader of earlier ones. Nothing here throws. */
export interface Flight {
  readonly look: (seen: Seen) => void
  readonly signal: Recorder['signal']
  readonly end: Recorder['end']
}

const { Date: RealDate } = globalThis
const { now } = RealDate
const toIsoString: (date: Date) => string = Function.prototype.call.bind(RealDate.prototype.toISOString)

/** Tells of earlier runs, and begins to record at the first look. Throws nothing. */
export function openFlight({ host, log, dir, run, budget }: FlightParts): Flight {
  const files = realEvidenceFiles()
  const here = readHere(host)
  const { group } = budget.kernelLimit
  let hasProblem = false
  // One line, whatever it was: the guard goes on, and tries again now and then.
  const onProblem = (error: unknown): void => {
    if (!hasProblem) log.say(evidenceProblem('flight record', error))
    hasProblem = true
  }
  const common = { files, now: () => millis(now()), uptime: host.uptime, onProblem }
  const recorder = openRecorder({
    ...common,
    path: `${dir}/${evidenceName(run, 'record')}`,
    record: newFlightRecord({
      ...here,
      run,
      group: group?.folder,
      version: HEAPGUARD_VERSION,
      nodeVersion: host.nodeVersion,
      heapLimitBytes: budget.heapLimitBytes,
      ceilingBytes: budget.ceiling.bytes,
    }),
  })
  const isHeld = heldBack(host)
  let earlier: EarlierRuns | undefined
  // What nobody is to read yet must not be said for the last time: a helper may be over before its lines are let go.
  const tell = (): void => {
    if (earlier !== undefined || isHeld()) return
    earlier = openEarlierRuns({
      ...common,
      dir,
      run,
      here,
      ask: askPid(host),
      oomKills: folder =>
        group?.folder === folder ? readUsage(host.readText, group, { kind: 'whole' }).events?.oomKill : undefined,
      toIsoTime: atMs => toIsoString(new RealDate(atMs)),
      say: log.say,
    })
    earlier.tell()
  }
  tell()
  let isEndUnseen = false

  return {
    look: ({ sample, state, group: seenGroup, limitBytes, isNear, pauseMs }) => {
      tell()
      earlier?.again()
      isEndUnseen ||= isExitCrowded()
      const { memory, container } = sample
      recorder.look(
        {
          uptimeMs: sample.uptimeMs,
          rssBytes: memory.rss,
          heapTotalBytes: memory.heapTotal,
          heapUsedBytes: memory.heapUsed,
          externalBytes: memory.external,
          arrayBuffersBytes: memory.arrayBuffers,
          oldSpaceBytes: sample.oldSpaceBytes,
          usageBytes: container.usageBytes,
          workingSetBytes: container.workingSetBytes,
          heldBytes: bytes(containerUsed(sample)),
          limitBytes,
          oomKills: killsOf(group, seenGroup, container.events?.oomKill ?? state.oomKills),
          heapRung: state.heap.rung,
          containerRung: state.container.rung,
          isEndUnseen,
        },
        isNear,
        pauseMs,
      )
    },
    signal: recorder.signal,
    end: recorder.end,
  }
}

/** See host/exit.ts: where an app has so many listeners that ours left, its end in good order is not seen. */
function isExitCrowded(): boolean {
  const most = process.getMaxListeners()
  return most > 0 && process.listenerCount('exit') >= most
}
