// HEAPGUARD_LOG_FILE where it is a path: the same file wherever the app goes, and stderr where it cannot be written.
import type { Read } from '../core/setting-rows.ts'
import type { Settings } from '../core/settings.ts'
import type { Descriptors } from './descriptors.ts'

/** A path as it is now: the app may change its folder later. */
export function absolute(path: string): string {
  try {
    return path.startsWith('/') ? path : `${process.cwd()}/${path}`
  } catch {
    // The working folder is gone.
    return path
  }
}

/** A pipe that nobody reads yet, a disk that is full: later lines may get through. */
const PASSING: ReadonlySet<string> = new Set(['ENXIO', 'ENOSPC'])

/**
 * The settings with a file that lines can be appended to, which is made where it is missing; else with stderr, and a
 * problem more: a guard without a word looks like one that is not there. Never throws.
 */
export function withLogFile(read: Read<Settings>, descriptors: Pick<Descriptors, 'append'>): Read<Settings> {
  const { settings, problems } = read
  const { logFile, logLevel } = settings
  if (logFile === 'stderr' || logFile === 'stdout' || logLevel === 'silent') return read
  const path = absolute(logFile)
  try {
    descriptors.append(path, '')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !PASSING.has(code)) {
      const rule = `must be stderr, stdout or a file that can be appended to (${code ?? message})`
      const problem = { variable: 'HEAPGUARD_LOG_FILE', value: logFile.slice(0, 40), rule, used: 'stderr' }
      return { settings: { ...settings, logFile: 'stderr' }, problems: [...problems, problem] }
    }
  }
  return { settings: { ...settings, logFile: path }, problems }
}
