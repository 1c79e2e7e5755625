// HEAPGUARD_LOG_FILE where it is a path that was tried at boot.
import { type Read, shown } from './setting-rows.ts'
import type { Settings } from './settings.ts'

/** A pipe that nobody reads yet, a disk that is full: later lines may get through. */
const PASSING: ReadonlySet<string> = new Set(['ENXIO', 'ENOSPC'])

/**
 * The settings with the file at `path`. `why`: the kernel's code, or words, where it could not be appended to: then, unless
 * that passes, with stderr and a problem more, since a guard without a word looks like one that is not there. Never throws.
 */
export function afterOpening(
  { settings, problems }: Read<Settings>,
  path: string,
  why: string | undefined,
): Read<Settings> {
  if (why === undefined || PASSING.has(why)) return { settings: { ...settings, logFile: path }, problems }
  const problem = {
    variable: 'HEAPGUARD_LOG_FILE',
    value: shown(settings.logFile),
    rule: `must be stderr, stdout or a file that can be appended to (${why})`,
    used: 'stderr',
  }
  return { settings: { ...settings, logFile: 'stderr' }, problems: [...problems, problem] }
}
