// What a report says of a log: the shape of --json, and what the page and the terminal draw.
import type { Series } from './points.ts'

export interface ReportDocument {
  /** The file's name, or stdin. */
  readonly log: string
  readonly records: number
  /** The oldest of a log that has the newest first, where there are more than can be put in order. */
  readonly omittedRecords: number
  /** The guard's lines in text form: they cannot be drawn. */
  readonly textLines: number
  readonly processes: readonly ProcessReport[]
  /** Processes with little to say that are not among them. */
  readonly omittedProcesses: number
}

export interface ProcessReport {
  readonly pid: number
  /** What stood in front of the line: a service, a pod. */
  readonly source?: string
  readonly startMs: number
  readonly lastMs: number
  readonly nodeVersion?: string
  /** The boot line's sentence and verdict; absent where the log begins later. */
  readonly boot?: { readonly level: string; readonly msg: string; readonly verdict?: string; readonly remedy?: string }
  /** Another process of the same pid started with it, and nothing tells their lines apart. */
  readonly isMixed?: boolean
  readonly end: ProcessEnd
  /** The highest that was seen, in MB. */
  readonly peaks: { readonly rssMB?: number; readonly heapUsedMB?: number; readonly containerMB?: number }
  readonly samples: number
  /** How many samples one point of the series stands for: each shows the highest of them. */
  readonly samplesAPoint: number
  readonly series: Series
  readonly events: readonly ReportEvent[]
  readonly omittedEvents: number
  /** Warnings and errors, those that are omitted included, the boot line's aside. */
  readonly alarms: number
  /** The code that was filling the heap, of the last record that names any. */
  readonly suspects: readonly Suspect[]
}

/** How the process ended, as far as the log tells. */
export type ProcessEnd =
  | { readonly kind: 'exit'; readonly exitCode: number; readonly uncaught: boolean }
  | { readonly kind: 'v8-heap-limit'; readonly msg: string }
  /**
   * The log stops: still running, or killed without a word. `pressed`: by pressure that had not eased. `signal`: from
   * outside, not the guard's own. `containerRatio`: the last one, where nothing newer says that it is over.
   */
  | {
      readonly kind: 'no-last-line'
      readonly pressed?: string
      readonly signal?: string
      readonly containerRatio?: number
      /** What the next start found out, where its record is in the log. */
      readonly death?: PreviousDeath
    }

/** A \`previous-death\` record, as far as the end of the run that it speaks of is concerned. */
export interface PreviousDeath {
  readonly death: string
  readonly confidence: string
  readonly msg: string
}

export interface ReportEvent {
  readonly timeMs: number
  readonly level: string
  readonly event: string
  readonly msg: string
  /** Of pressure: what runs out, how badly, and what fills it. */
  readonly resource?: string
  readonly rung?: string
  readonly cause?: string
  /** Of previous-death. */
  readonly death?: string
}

export interface Suspect {
  readonly site: string
  readonly MB: number
}
