// The limit files of the own group and of the groups above it.
import type { LevelLimit, MemoryGroup, SoftLimit, WatchedFile } from './cgroup.ts'
import { field, parseLimit, type QuietRead, quoted } from './kernel-files.ts'
import type { OwnGroups } from './own-group.ts'
import type { Bytes } from './units.ts'

/** Everything that the levels say. */
export interface Levels {
  /** The own group's first. */
  readonly hard: readonly LevelLimit[]
  readonly soft: readonly SoftLimit[]
  /** Every file that was asked for a hard limit, the own group's first. */
  readonly watched: readonly WatchedFile[]
  /** The lowest group that has a limit file, whatever is in it. */
  readonly group: MemoryGroup | undefined
}

/** The limit in a file, as it is written there: all of a limit file, the one field of a v1 memory.stat. */
export function readLimitText(read: QuietRead, path: string): string | undefined {
  const text = read(path)
  return text !== undefined && path.endsWith('/memory.stat') ? field(text, 'hierarchical_memory_limit') : text
}

/**
 * Reads the limits of all levels. Tells `problems` what it cannot understand, as `read` tells it what cannot be read;
 * `readAside` is for files that decide no hard limit, whose failure is no problem.
 */
export function readLevels(own: OwnGroups, read: QuietRead, readAside: QuietRead, problems: string[]): Levels {
  const hard: LevelLimit[] = []
  const soft: SoftLimit[] = []
  const watched: WatchedFile[] = []
  let lowest: MemoryGroup | undefined

  const limitIn = (path: string): Bytes | 'none' | undefined => {
    const text = readLimitText(read, path)
    watched.push({ path, text })
    const limit = text === undefined ? undefined : parseLimit(text)
    if (text === undefined || limit !== undefined) return limit
    problems.push(`${path} holds ${quoted(text)}, which is no usable limit`)
    return 'none'
  }

  for (const group of own.groups) {
    const { version, folder } = group
    const isV2 = version === 'cgroup-v2'
    const path = `${folder}/${isV2 ? 'memory.max' : 'memory.limit_in_bytes'}`
    const limitBytes = limitIn(path)
    // No file: v2 without the controller at this level, or the real root. Then there is no memory.high either.
    if (limitBytes === undefined) continue
    lowest = lowest ?? group
    if (limitBytes !== 'none') hard.push({ limitBytes, path, group })
    const highPath = `${folder}/memory.high`
    const high = isV2 ? parseLimit(readAside(highPath) ?? '') : 'none'
    if (typeof high === 'number') soft.push({ limitBytes: high, path: highPath })
  }
  // v1: `hierarchical_memory_limit 536870912` is the least of all levels, those above the mount too.
  for (const group of own.groups) {
    const path = `${group.folder}/memory.stat`
    const limitBytes = group.version === 'cgroup-v1' ? limitIn(path) : undefined
    if (limitBytes === undefined) continue
    if (limitBytes !== 'none' && hard.every(level => level.limitBytes > limitBytes))
      hard.push({ limitBytes, path, group })
    break
  }
  // A v2 group without memory.max has the controller off, but all have cgroup.controllers; all v1 groups have the limit.
  const { deepFolder } = own
  const isDoubtful = deepFolder !== undefined && lowest?.folder !== deepFolder && problems.length === 0
  if (isDoubtful && readAside(`${deepFolder}/cgroup.controllers`) === undefined)
    problems.push(`the own group's folder ${deepFolder} is not there`)
  return { hard, soft, watched, group: lowest }
}
