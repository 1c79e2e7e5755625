// A record as one line of text. The guard writes its JSON itself: an app may have replaced JSON.stringify's helpers or
// have put a toJSON on Object.prototype, and neither may reach a line of ours.

export type Level = 'info' | 'warn' | 'error'
export type FieldValue = string | number | boolean | readonly Readonly<Record<string, string | number>>[]
/** Keys in the order they are written; undefined is absent. */
export type Fields = Readonly<Record<string, FieldValue | undefined>>

export interface Entry {
  readonly level: Level
  readonly event: string
  /** A sentence that a tired person understands, on one line. */
  readonly msg: string
  readonly fields: Fields
}

/** What every record carries beside its own keys. */
export interface Stamp {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly pid: number
}

// Below a pipe's 4096 bytes a write is atomic: lines of several processes never mix.
const MOST_LINE_BYTES = 4000
const MOST_MSG_CHARACTERS = 1200

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escapeCharacter = (character: string): string =>
  ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

// JSON asks for escapes below 0x20; the others would break a terminal, a line reader or (lone surrogates) UTF-8.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being escaped
  /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const quote = (value: string): string => `"${value.replace(UNSAFE, escapeCharacter)}"`

function jsonValue(value: FieldValue): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object') return String(value)
  return `[${value.map(item => fieldsText(item)).join(',')}]`
}

/** Keys and values as one JSON object; what is not known is absent. */
export function fieldsText(fields: Fields): string {
  const parts: string[] = []
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    // JSON has no NaN and no Infinity; a number that is not known is absent.
    if (value !== undefined && !(typeof value === 'number' && !Number.isFinite(value)))
      parts.push(`${quote(key)}:${jsonValue(value)}`)
  }
  return `{${parts.join(',')}}`
}

const clip = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

/** One JSON object and a newline. A line that would be too long for one atomic write loses its longest text first. */
export function jsonLine(entry: Entry, stamp: Stamp): string {
  const line = (msg: string, fields: Fields): string =>
    `${fieldsText({
      time: stamp.time,
      level: entry.level,
      name: 'heapguard',
      event: entry.event,
      pid: stamp.pid,
      msg,
      ...fields,
    })}\n`
  const full = line(clip(entry.msg, MOST_MSG_CHARACTERS), entry.fields)
  return byteLength(full) < MOST_LINE_BYTES ? full : line(clip(entry.msg, 300), shortened(entry.fields))
}

/** One line for a terminal: `12:00:01Z heapguard warn  sentence`. */
export function textLine(entry: Entry, stamp: Stamp): string {
  const msg = clip(entry.msg, MOST_MSG_CHARACTERS).replace(UNSAFE, character =>
    character === '"' || character === '\\' ? character : escapeCharacter(character),
  )
  return `${stamp.time.slice(11, 19)}Z heapguard[${stamp.pid}] ${entry.level.padEnd(5)} ${msg}\n`
}

function shortened(fields: Fields): Fields {
  const short: Record<string, FieldValue | undefined> = {}
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    short[key] =
      typeof value === 'object'
        ? value.slice(0, 2).map(item => shortened(item) as typeof item)
        : typeof value === 'string'
          ? clip(value, 120)
          : value
  }
  return short
}

/** UTF-8 length without a Buffer; an upper bound for text beyond the basic plane. */
function byteLength(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    length += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3
  }
  return length
}
