// HEAPGUARD_LOG_FILE where it is a path: the same file wherever the app goes, and stderr where it cannot be written.
import { afterOpening } from '../core/log-file.ts'
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

/** The settings as they are where lines can be appended to the file, which is made where it is missing; else see afterOpening. */
export function withLogFile(read: Read<Settings>, descriptors: Pick<Descriptors, 'append'>): Read<Settings> {
  const { logFile, logLevel } = read.settings
  if (logFile === 'stderr' || logFile === 'stdout' || logLevel === 'silent') return read
  const path = absolute(logFile)
  let why: string | undefined
  try {
    descriptors.append(path, '')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    why = code ?? message
  }
  return afterOpening(read, path, why)
}
