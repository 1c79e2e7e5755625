// The names of all that the guard leaves in HEAPGUARD_DIR, and which run each file belongs to. Containers share a volume,
// and the first process of each is PID 1: so a run is told by when it started, its pid and a few random digits.

declare const runId: unique symbol

/** One life of one process: `20261124T053000123Z-1-9f3a0c`. Runs sort by their start. */
export type RunId = string & { readonly [runId]: true }

/**
 * record: the flight recorder's file of a run that has not ended; death: the same once the next start has told of it.
 * The others hold what their names say, in the formats that their readers know by these endings.
 */
export type EvidenceKind = 'record' | 'death' | 'report' | 'heap-profile' | 'heap-snapshot'

const ENDINGS: Readonly<Record<EvidenceKind, string>> = {
  record: 'run',
  death: 'death',
  report: 'report.json',
  'heap-profile': 'heapprofile',
  'heap-snapshot': 'heapsnapshot',
}

const NAME = /^heapguard-(\d{8}T\d{9}Z-(\d{1,10})-[0-9a-f]{6})\.([a-z.]+)$/

/**
 * The id of a run that started at `startedAt` (ISO 8601, UTC, with milliseconds). `noise`: a text that differs in every
 * process, such as /proc/sys/kernel/random/uuid; its first six hexadecimal digits are used.
 */
export const runIdOf = (startedAt: string, pid: number, noise: string): RunId =>
  `${startedAt.replace(/[-:.]/g, '')}-${pid}-${`${noise.toLowerCase().replace(/[^0-9a-f]/g, '')}000000`.slice(0, 6)}` as RunId

/** `heapguard-20261124T053000123Z-1-9f3a0c.heapprofile`: a file's name, without a folder. */
export const evidenceName = (run: RunId, kind: EvidenceKind): string => `heapguard-${run}.${ENDINGS[kind]}`

export interface EvidenceFile {
  readonly name: string
  readonly run: RunId
  readonly pid: number
  readonly kind: EvidenceKind
}

/** Whose a file is, and what; undefined: not one of the guard's. */
export function evidenceFile(name: string): EvidenceFile | undefined {
  const [, run, pid, ending] = NAME.exec(name) ?? []
  const kind = (Object.keys(ENDINGS) as EvidenceKind[]).find(key => ENDINGS[key] === ending)
  return kind === undefined ? undefined : { name, run: run as RunId, pid: Number(pid), kind }
}
