// The evidence as the lookout uses it: loaded when it is first needed, each kind with its own catch.
import { evidenceName, type RunId } from '../core/evidence-names.ts'
import type { Entry } from '../core/record.ts'
import type { Suspect } from '../core/suspects.ts'
import type { WatchSettings } from '../core/watch-settings.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import type { OwnReport } from '../host/own-report.ts'
import { loadFile } from '../host/second-file.ts'
import type { SnapshotMoment } from './heap-snapshot.ts'
import type { Profiler } from './profiler.ts'
import type { LastWords } from './termination-log.ts'
import type { V8Report } from './v8-report.ts'

type EvidenceFile = typeof import('./evidence.ts')

export interface EvidenceParts {
  readonly host: Host
  readonly settings: WatchSettings
  /** undefined: there is no HEAPGUARD_DIR. */
  readonly run: RunId | undefined
  /** undefined: it is left alone. */
  readonly ownReport: OwnReport | undefined
  readonly log: Log
  readonly folder: string
  readonly evidenceProblem: (what: string, error: unknown) => Entry
}

/** What is written when danger calls for it. Nothing here throws. */
export interface Evidence {
  /** Begins or ends the sampling of allocations. */
  readonly profile: (on: boolean) => void
  readonly isSampling: () => boolean
  /** Who allocated what is held; written to HEAPGUARD_DIR too. Empty where nothing was sampled. */
  readonly suspects: () => readonly Suspect[]
  /** V8 is to write its own report should the heap be full, or no longer. */
  readonly report: (on: boolean) => void
  /** Writes a heap snapshot, where it was asked for; once in a process, whatever comes of it. The thread stands still. */
  readonly snapshot: (moment: SnapshotMoment) => void
  readonly lastWords: (sentence: string) => void
  readonly clearLastWords: () => void
  /** The watchdog has written last words: they are cleared with the danger, as this thread's own. */
  readonly adoptLastWords: () => void
}

/** Loads nothing yet. */
export function openEvidence({
  host,
  settings,
  run,
  ownReport,
  log,
  folder,
  evidenceProblem,
}: EvidenceParts): Evidence {
  let file: EvidenceFile | undefined
  let profiler: Profiler | undefined
  let words: LastWords | undefined
  let v8Report: V8Report | undefined
  let isSnapshotDue = settings.heapSnapshot
  const said = new Set<string>()

  /** What goes wrong with one kind of evidence is said once. */
  const attempt = <T>(what: string, act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      if (!said.has(what)) log.say(evidenceProblem(what, error))
      said.add(what)
      return undefined
    }
  }
  const load = (): EvidenceFile => {
    // Not by require, as the second file: no loader hook of the app sees it.
    file ??= loadFile<EvidenceFile>(`${folder}/evidence.js`, host.readText, require)
    return file
  }
  const withWords = (act: (words: LastWords) => void): void => {
    const { terminationLog } = settings
    if (terminationLog === 'off') return
    const open = (): void => {
      words ??= load().openLastWords(terminationLog, host)
      act(words)
    }
    if (terminationLog !== 'auto') attempt('termination log', open)
    else
      try {
        open()
      } catch {
        // Nobody asked for it: where it cannot be written, or evidence.js is missing, there are the lines.
      }
  }
  const writeProfile = (head: Parameters<EvidenceFile['heapProfileText']>[0]): void => {
    const { openSync, writeSync, closeSync } = host.files
    const { heapProfileText, TO_WRITE_ANEW } = load()
    const fd = openSync(`${settings.dir}/${evidenceName(run as RunId, 'heap-profile')}`, TO_WRITE_ANEW, 0o600)
    try {
      let text = ''
      for (const piece of heapProfileText(head)) {
        text += piece
        if (text.length > 16_384) {
          writeSync(fd, text)
          text = ''
        }
      }
      writeSync(fd, text)
    } finally {
      closeSync(fd)
    }
  }

  return {
    profile: on => {
      if (!on) {
        attempt('heap profile', () => profiler?.stop())
        profiler = undefined
      } else if (settings.profile && profiler === undefined)
        profiler = attempt('heap profile', () => load().startProfiler())
    },
    isSampling: () => profiler !== undefined,
    suspects: () =>
      attempt('heap profile', () => {
        if (profiler === undefined) return []
        const head = profiler.read()
        const { suspectsIn, originalPlace } = load()
        const suspects = suspectsIn(head, folder, originalPlace)
        if (settings.dir !== undefined) attempt('heap profile file', () => writeProfile(head))
        return suspects
      }) ?? [],
    report: on =>
      attempt('report', () => {
        if (!on) v8Report?.disarm()
        else if (ownReport !== undefined && run !== undefined) {
          v8Report ??= load().openReport(ownReport, settings.dir as string, evidenceName(run, 'report'), host.files)
          v8Report.arm()
        }
      }),
    snapshot: moment => {
      if (!isSnapshotDue || run === undefined) return
      isSnapshotDue = false
      const name = evidenceName(run, 'heap-snapshot')
      attempt('heap snapshot', () => load().writeSnapshot(moment, settings.dir as string, name, host, log.say))
    },
    lastWords: sentence => withWords(({ write }) => write(sentence)),
    clearLastWords: () => {
      if (words !== undefined) withWords(({ clear }) => clear())
    },
    // Where it cannot be opened the watchdog has written nothing, and left it to this thread to say so.
    adoptLastWords: () => withWords(() => {}),
  }
}
