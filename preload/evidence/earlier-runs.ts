// What earlier runs left in HEAPGUARD_DIR: those that are over and did not end are told of once, by one process, and kept;
// the oldest of what is kept goes. All of it bounded, in number and in time.
import { filesToRemove, isHeapReport, isOurs, type KeptFile, TELLING_BYTES } from '../core/archive.ts'
import { type EvidenceFile, evidenceFile, evidenceName, type RunId } from '../core/evidence-names.ts'
import { type FlightHead, RECORD_LENGTH, type ReadRecord, readFlightRecord } from '../core/flight-record.ts'
import { judgeDeath } from '../core/previous-death.ts'
import type { Entry } from '../core/record.ts'
import { previousDeath } from '../core/report-death.ts'
import { bytes, type Millis } from '../core/units.ts'
import { type AskPid, fateOf, isSilent } from '../core/whereabouts.ts'
import { type EvidenceFiles, readBeginning } from './evidence-files.ts'
import type { Here } from './here.ts'

export interface EarlierRunsParts {
  readonly files: EvidenceFiles
  readonly dir: string
  readonly run: RunId
  readonly here: Here
  readonly ask: AskPid
  /** The oom_kill counter of a group, and whether it is this process's. */
  readonly oomKills: (group: string) => number | undefined
  /** Since 1970. */
  readonly now: () => Millis
  readonly uptime: () => Millis
  readonly toIsoTime: (atMs: number) => string
  readonly say: (entry: Entry) => void
  readonly onProblem: (error: unknown) => void
}

/** Nothing here throws. */
export interface EarlierRuns {
  /** Looks through the folder and tells. */
  readonly tell: () => void
  /** Looks again at those of which nobody could say whether they are over. */
  readonly again: () => void
}

/** A folder may hold anything: so many of its entries are looked at … */
const MOST_ENTRIES = 10_000
/** … of them so many records … */
const MOST_READ = 64
/** … for so long, in all; the rest is left to a later start. */
const MOST_MS = 50
/** So many deaths are told of at one start, the newest; the others at later ones. */
const MOST_TOLD = 8
const MOST_REMOVED = 64
/** The beginning of a report of Node's: event and trigger are among its first lines. */
const REPORT_BEGINNING_BYTES = 2048

/** A record that was read. */
interface Found {
  readonly file: EvidenceFile
  readonly record: ReadRecord
  readonly changedMs: number
}

export function openEarlierRuns(parts: EarlierRunsParts): EarlierRuns {
  const { files, dir, run: ownRun, here, now, uptime } = parts
  let doubts: readonly (Found & { readonly since: number })[] = []

  const pathOf = (name: string): string => `${dir}/${name}`
  const quietly = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch {
      // Gone in between, another user's, or a folder that cannot be changed.
      return undefined
    }
  }
  const textOf = (name: string, most: number): string | undefined => {
    const found = quietly(() => readBeginning(files, pathOf(name), most))
    return found && String.fromCharCode(...found.data)
  }

  /** The guard's files in the folder. */
  const list = (hasTime: () => boolean): EvidenceFile[] => {
    const found: EvidenceFile[] = []
    const folder = files.opendirSync(dir, { bufferSize: 256 })
    try {
      for (let entries = 0; entries < MOST_ENTRIES && (entries % 256 > 0 || hasTime()); entries++) {
        const entry = folder.readSync()
        if (entry === null) break
        const file = evidenceFile(entry.name)
        if (file !== undefined) found.push(file)
      }
    } finally {
      folder.closeSync()
    }
    return found.sort((a, b) => (a.run < b.run ? 1 : -1))
  }

  const read = (file: EvidenceFile): Found | undefined => {
    const found = quietly(() => readBeginning(files, pathOf(file.name), RECORD_LENGTH))
    const record = found && readFlightRecord(found.data)
    return found && record && { file, record, changedMs: found.changedMs }
  }

  const fate = ({ record: { head, beats }, changedMs }: Found): ReturnType<typeof fateOf> => {
    const known = head === undefined ? 'in-doubt' : fateOf(head, here, parts.ask)
    if (known !== 'in-doubt') return known
    const last = beats.at(-1)
    const isSameMachine = head?.machine !== undefined && head.machine === here.machine
    return isSilent(last, now() - (last?.atMs ?? changedMs), isSameMachine) ? 'over' : 'in-doubt'
  }

  const isSameLife = (head: FlightHead): boolean =>
    (['machine', 'namespace', 'life', 'seat'] as const).every(key => head[key] === here[key]) && head.life !== undefined

  /** Whoever renames the record is the one who tells. */
  const claimAndTell = ({ file, record: { head, beats }, changedMs }: Found): void => {
    const { run, pid, name } = file
    const judgement = judgeDeath({
      beats,
      ceilingBytes: head?.ceilingBytes,
      hasHeapReport: isHeapReport(textOf(evidenceName(run, 'report'), REPORT_BEGINNING_BYTES) ?? ''),
      oomKillsNow: head?.group !== undefined && isSameLife(head) ? parts.oomKills(head.group) : undefined,
      isMachineRestarted:
        head?.machine !== undefined &&
        here.machine !== undefined &&
        head.machine !== here.machine &&
        head.seat !== undefined &&
        head.seat === here.seat,
    })
    try {
      if (judgement.kind === 'quiet-end') files.unlinkSync(pathOf(name))
      else files.renameSync(pathOf(name), pathOf(evidenceName(run, 'death')))
    } catch (error) {
      // ENOENT: another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') parts.onProblem(error)
      return
    }
    if (judgement.kind === 'quiet-end') return
    const lastSeen = parts.toIsoTime(beats.at(-1)?.atMs ?? changedMs)
    parts.say(previousDeath({ verdict: judgement, run, pid, head, lastSeen }))
  }

  const tidy = (listed: readonly EvidenceFile[], living: ReadonlySet<string>): void => {
    const kept: KeptFile[] = []
    for (const { name } of listed) {
      const found = quietly(() => readBeginning(files, pathOf(name), TELLING_BYTES))
      // Nobody's loss, or the guard's by what is in it too.
      if (found && isOurs(name, String.fromCharCode(...found.data)))
        kept.push({ name, sizeBytes: bytes(found.sizeBytes) })
    }
    for (const name of filesToRemove(kept, run => living.has(run)).slice(0, MOST_REMOVED))
      quietly(() => files.unlinkSync(pathOf(name)))
  }

  const tellAll = (): void => {
    const began = uptime()
    const hasTime = (): boolean => uptime() - began < MOST_MS
    const listed = list(hasTime)
    const records = listed.filter(({ kind, run }) => kind === 'record' && run !== ownRun)
    const over: Found[] = []
    // What was not looked at may live.
    const living = new Set<string>([ownRun, ...records.map(({ run }) => run)])
    const inDoubt: (Found & { since: number })[] = []
    for (const file of records.slice(0, MOST_READ)) {
      if (!hasTime()) break
      const found = read(file)
      if (found === undefined) continue
      const itsFate = fate(found)
      if (itsFate === 'replaced') quietly(() => files.unlinkSync(pathOf(file.name)))
      if (itsFate === 'in-doubt') inDoubt.push({ ...found, since: uptime() })
      if (itsFate !== 'over') continue
      living.delete(file.run)
      over.push(found)
    }
    doubts = inDoubt
    for (const found of over.slice(0, MOST_TOLD).reverse()) claimAndTell(found)
    if (hasTime()) tidy(quietly(() => list(hasTime)) ?? [], living)
  }

  return {
    tell: () => {
      try {
        tellAll()
      } catch (error) {
        parts.onProblem(error)
      }
    },
    again: () => {
      const due = doubts.filter(({ since, record }) => {
        const promised = record.beats.at(-1)?.nextMs
        return isSilent(promised === undefined ? undefined : { nextMs: promised }, uptime() - since, true)
      })
      if (due.length === 0) return
      doubts = doubts.filter(doubt => !due.includes(doubt))
      for (const doubt of due) {
        const found = read(doubt.file)
        if (found === undefined) continue
        if (found.record.beats.at(-1)?.uptimeMs === doubt.record.beats.at(-1)?.uptimeMs) claimAndTell(found)
      }
    },
  }
}
