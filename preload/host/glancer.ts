// The few numbers of a calm pulse, read with as little as can be: most processes are looked at once a second for weeks.
import type { MemoryGroup } from '../core/cgroup.ts'
import { type Bytes, bytes } from '../core/units.ts'
import type { Host } from './host.ts'

export interface GlanceReader {
  /**
   * What a file holds that is one whole number and a line feed (memory.current, memory.usage_in_bytes): one read, no text,
   * no descriptor kept. undefined for anything else. Never throws.
   */
  readonly usage: (group: MemoryGroup) => Bytes | undefined
}

/** 2^53 has 16 digits; the line feed is one more. */
const MOST_READ_BYTES = 17
const ZERO = 48
const LINE_FEED = 10
/** O_RDONLY, as a number: the text would be looked up at each pulse. */
const READ_ONLY = 0

/** Opens nothing yet. */
export function openGlanceReader({ files }: Pick<Host, 'files'>): GlanceReader {
  const { openSync, readSync, closeSync } = files
  const buffer = Buffer.alloc(MOST_READ_BYTES)
  let folder = ''
  let path = ''

  const number = (length: number): Bytes | undefined => {
    let value = 0
    for (let at = 0; at < length; at++) {
      const byte = buffer[at] as number
      if (byte === LINE_FEED && at > 0 && at === length - 1) return bytes(value)
      if (byte < ZERO || byte > ZERO + 9) return undefined
      value = value * 10 + (byte - ZERO)
    }
    return undefined
  }

  return {
    usage: group => {
      if (group.folder !== folder) {
        folder = group.folder
        path = `${folder}/memory.${group.version === 'cgroup-v1' ? 'usage_in_bytes' : 'current'}`
      }
      try {
        const fd = openSync(path, READ_ONLY)
        try {
          return number(readSync(fd, buffer, 0, MOST_READ_BYTES, null))
        } finally {
          closeSync(fd)
        }
      } catch {
        // No such file, or not for us: then the look is a whole one.
        return undefined
      }
    },
  }
}
