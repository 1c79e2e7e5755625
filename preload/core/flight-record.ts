// The flight record's form: a head of one line that says who flew, then slots of fixed width that are written in place. Each
// slot has a number and a checksum, so a kill, a full disk or a file that was cut costs the slot that it hit, no other.
import type { MemoryGroup } from './cgroup.ts'
import { fieldsText } from './record.ts'
import { type Bytes, bytes, type Millis, millis } from './units.ts'

/** One line of JSON, spaces up to the end, a line feed: `head -1` of the file shows it. */
const HEAD_LENGTH = 1024
const SLOT_LENGTH = 128
/** Slots of the main thread; calm, some five minutes of it. */
const MAIN_SLOTS = 48
/** Slots of a second thread that goes on while the first is blocked. */
const WATCHDOG_SLOTS = 8
/** The length of a whole record: 8 KiB. */
export const RECORD_LENGTH = HEAD_LENGTH + (MAIN_SLOTS + WATCHDOG_SLOTS) * SLOT_LENGTH

/** Who flew, and under what limits. Nothing of the environment, no argument, no path but the group's. */
export interface FlightHead {
  readonly run: string
  readonly pid: number
  /** Clock ticks from the machine's boot to the process's start: field 22 of proc_pid_stat(5). */
  readonly startTicks: string | undefined
  /** The machine's boot: /proc/sys/kernel/random/boot_id. */
  readonly machine: string | undefined
  /** The number of the pid namespace. */
  readonly namespace: string | undefined
  /** startTicks of the namespace's first process: numbers of namespaces are given again. */
  readonly life: string | undefined
  /** What one living container at a time can be: see seatIn. */
  readonly seat: string | undefined
  readonly hostName: string | undefined
  /** Whose counters are in the slots: the folder of the memory group. */
  readonly group: string | undefined
  readonly version: string
  readonly nodeVersion: string
  readonly heapLimitBytes: Bytes
  readonly ceilingBytes: Bytes
}

export type RecordedRung = 'warn' | 'critical' | undefined

/** One look. What was not known is undefined. */
export interface Beat {
  /** Since 1970. */
  readonly atMs: Millis
  readonly uptimeMs: Millis
  readonly rssBytes: Bytes
  readonly heapTotalBytes: Bytes
  readonly heapUsedBytes: Bytes
  readonly externalBytes: Bytes
  readonly arrayBuffersBytes: Bytes
  readonly oldSpaceBytes: Bytes
  readonly usageBytes: Bytes | undefined
  readonly workingSetBytes: Bytes | undefined
  /** What the container is judged by: see containerUsed. */
  readonly heldBytes: Bytes
  readonly limitBytes: Bytes | undefined
  readonly oomKills: number | undefined
  readonly heapRung: RecordedRung
  readonly containerRung: RecordedRung
  readonly signal: 'SIGTERM' | 'SIGINT' | undefined
  /** When the signal came, since 1970. */
  readonly signalAtMs: Millis | undefined
  /** The next beat is due within this time. */
  readonly nextMs: Millis
  /** The process can end in good order without the guard's knowing: too many listeners for exit. */
  readonly isEndUnseen: boolean
  /** How the process ended; undefined: it lives. */
  readonly end: 'exit' | 'uncaught' | undefined
}

const KEYS: Readonly<Record<keyof FlightHead, string>> = {
  run: 'run',
  pid: 'pid',
  startTicks: 'startTicks',
  machine: 'machine',
  namespace: 'namespace',
  life: 'life',
  seat: 'seat',
  hostName: 'hostName',
  group: 'group',
  version: 'version',
  nodeVersion: 'nodeVersion',
  heapLimitBytes: 'heapLimit',
  ceilingBytes: 'heapCeiling',
}
/** What of the head is text, and how much of it is kept, so that all fits. */
const MOST_TEXT: Readonly<Partial<Record<keyof FlightHead, number>>> = {
  run: 48,
  startTicks: 20,
  machine: 40,
  namespace: 24,
  life: 20,
  seat: 180,
  hostName: 64,
  group: 200,
  version: 20,
  nodeVersion: 40,
}
const FORMAT = 1
/** How a head begins: nothing else in HEAPGUARD_DIR is taken for a record. */
export const HEAD_BEGINS = `{"heapguard":${FORMAT},`

const RUNGS: readonly RecordedRung[] = [undefined, 'warn', 'critical']
const SIGNALS = [undefined, 'SIGTERM', 'SIGINT'] as const
const ENDS = [undefined, 'exit', 'uncaught'] as const
const parseJson = JSON.parse

/** What a text is cut to where it is kept: printable ASCII, so that a character is a byte. */
export const kept = (text: string | undefined, most: number): string | undefined =>
  text?.slice(0, most).replace(/[^ -~]|["\\]/g, '?')

/** A record that is filled slot by slot. */
export interface FlightRecord {
  /** All of it, for the first write. */
  readonly image: Uint8Array
  /** Puts a beat into the next slot; returns which bytes of the image that changed: the offset, SLOT_LENGTH of them. */
  readonly put: (beat: Beat) => { readonly offset: number; readonly length: number }
}

/**
 * The oom_kill counter as a beat has it: where it is that of the group which the head names. After a resize the looks can be
 * another group's, and the next start would put its counter against the head's.
 */
export const killsOf = (
  headGroup: MemoryGroup | undefined,
  group: MemoryGroup | undefined,
  oomKills: number | undefined,
): number | undefined => (group?.folder === headGroup?.folder ? oomKills : undefined)

/** An empty record, to be filled with the main thread's beats. */
export function newFlightRecord(head: FlightHead): FlightRecord {
  const image = new Uint8Array(RECORD_LENGTH).fill(32, 0, HEAD_LENGTH)
  const text = headText(head)
  for (let i = 0; i < text.length; i++) image[i] = text.charCodeAt(i)
  image[HEAD_LENGTH - 1] = 10
  return { image, put: putter(image, 0, MAIN_SLOTS) }
}

/** The second thread's slots of a record that another writer makes: of the image only what put() returns is to be written. */
export function newWatchdogBeats(): FlightRecord {
  const image = new Uint8Array(RECORD_LENGTH)
  return { image, put: putter(image, MAIN_SLOTS, WATCHDOG_SLOTS) }
}

function putter(image: Uint8Array, first: number, slots: number): FlightRecord['put'] {
  let number = 0
  return beat => {
    number++
    const offset = HEAD_LENGTH + (first + (number % slots)) * SLOT_LENGTH
    encode(image, offset, number, beat)
    return { offset, length: SLOT_LENGTH }
  }
}

function headText(head: FlightHead): string {
  const fields: Record<string, string | number | undefined> = { heapguard: FORMAT }
  for (const key of Object.keys(KEYS) as (keyof FlightHead)[]) {
    const value = head[key]
    fields[KEYS[key]] = typeof value === 'string' ? kept(value, MOST_TEXT[key] as number) : value
  }
  return fieldsText(fields)
}

/** number and sum, then the values in this order, then flags and nextMs. */
function encode(image: Uint8Array, offset: number, number: number, beat: Beat): void {
  const words = new Uint32Array(image.buffer, offset, SLOT_LENGTH / 4)
  const values = new Float64Array(image.buffer, offset, SLOT_LENGTH / 8)
  const unknown = Number.NaN
  values[1] = beat.atMs
  values[2] = beat.uptimeMs
  values[3] = beat.rssBytes
  values[4] = beat.heapTotalBytes
  values[5] = beat.heapUsedBytes
  values[6] = beat.externalBytes
  values[7] = beat.arrayBuffersBytes
  values[8] = beat.oldSpaceBytes
  values[9] = beat.usageBytes ?? unknown
  values[10] = beat.workingSetBytes ?? unknown
  values[11] = beat.heldBytes
  values[12] = beat.limitBytes ?? unknown
  values[13] = beat.oomKills ?? unknown
  values[14] = beat.signalAtMs ?? unknown
  words[30] =
    RUNGS.indexOf(beat.heapRung) |
    (RUNGS.indexOf(beat.containerRung) << 2) |
    (SIGNALS.indexOf(beat.signal) << 4) |
    (ENDS.indexOf(beat.end) << 6) |
    (beat.isEndUnseen ? 256 : 0)
  words[31] = Math.min(beat.nextMs, 0xffffffff)
  words[0] = number
  words[1] = sumOf(words)
}

/** FNV-1a over the slot's words but the sum's own: it tells a torn slot, it is no lock. */
function sumOf(words: Uint32Array): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < words.length; i++) if (i !== 1) sum = Math.imul(sum ^ (words[i] as number), 0x01000193)
  // Of a slot that was never written it is not the 0 that stands there.
  return sum >>> 0
}

export interface ReadRecord {
  /** undefined: it could not be read. */
  readonly head: FlightHead | undefined
  /** Those that could be read, the oldest first. */
  readonly beats: readonly Beat[]
}

/** Reads what can be read of a record, whole or cut anywhere; undefined: the bytes are no record's. Never throws. */
export function readFlightRecord(data: Uint8Array): ReadRecord | undefined {
  const head = readHead(data)
  if (head === 'foreign') return undefined
  const beats: Beat[] = []
  for (let offset = HEAD_LENGTH; offset + SLOT_LENGTH <= data.length; offset += SLOT_LENGTH) {
    // A copy, since a Buffer's bytes may begin where no number can.
    const { buffer } = Uint8Array.from(data.subarray(offset, offset + SLOT_LENGTH))
    const words = new Uint32Array(buffer)
    if (words[1] === sumOf(words)) beats.push(decode(words, new Float64Array(buffer)))
  }
  // Not by the slots' numbers, which each thread counts by itself, nor by the clock on the wall, which may be set.
  return { head, beats: beats.sort((a, b) => a.uptimeMs - b.uptimeMs) }
}

function readHead(data: Uint8Array): FlightHead | undefined | 'foreign' {
  let text = ''
  for (let i = 0; i < Math.min(data.length, HEAD_LENGTH); i++) text += String.fromCharCode(data[i] as number)
  if (!text.startsWith(HEAD_BEGINS.slice(0, text.length))) return 'foreign'
  try {
    const found = parseJson(text) as Readonly<Record<string, unknown>>
    const head: Record<string, unknown> = {}
    for (const key of Object.keys(KEYS) as (keyof FlightHead)[]) {
      const value = found[KEYS[key]]
      if (value !== undefined && typeof value !== (key in MOST_TEXT ? 'string' : 'number')) return undefined
      head[key] = value
    }
    return typeof head.pid === 'number' && typeof head.run === 'string' ? (head as unknown as FlightHead) : undefined
  } catch {
    // Cut within the line.
    return undefined
  }
}

function decode(words: Uint32Array, values: Float64Array): Beat {
  const at = (index: number): number => values[index] as number
  const known = (index: number): number | undefined => (Number.isNaN(at(index)) ? undefined : at(index))
  const flags = words[30] as number
  return {
    atMs: millis(at(1)),
    uptimeMs: millis(at(2)),
    rssBytes: bytes(at(3)),
    heapTotalBytes: bytes(at(4)),
    heapUsedBytes: bytes(at(5)),
    externalBytes: bytes(at(6)),
    arrayBuffersBytes: bytes(at(7)),
    oldSpaceBytes: bytes(at(8)),
    usageBytes: known(9) as Bytes | undefined,
    workingSetBytes: known(10) as Bytes | undefined,
    heldBytes: bytes(at(11)),
    limitBytes: known(12) as Bytes | undefined,
    oomKills: known(13),
    heapRung: RUNGS[flags & 3],
    containerRung: RUNGS[(flags >> 2) & 3],
    signal: SIGNALS[(flags >> 4) & 3],
    signalAtMs: known(14) as Millis | undefined,
    nextMs: millis(words[31] as number),
    isEndUnseen: (flags & 256) !== 0,
    end: ENDS[(flags >> 6) & 3],
  }
}
