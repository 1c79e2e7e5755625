// What the settings have the guard write to, looked at and not touched: the doctor leaves nothing behind.
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import type { Settings } from '../../preload/core/settings.ts'
import { KUBERNETES_TERMINATION_LOG, type WatchSettings } from '../../preload/core/watch-settings.ts'

/** A file or a folder that a setting names. */
export interface Written {
  readonly variable: 'HEAPGUARD_LOG_FILE' | 'HEAPGUARD_DIR' | 'HEAPGUARD_TERMINATION_LOG'
  /** As the subject calls it. */
  readonly path: string
  /** Why the guard could not write there: the kernel's code, or words. Absent where this user could. */
  readonly trouble?: string
}

const { R_OK, W_OK, X_OK } = constants

/**
 * All that the guard of a subject would write to, beside stderr and stdout. `pid`: the subject runs already, perhaps in
 * another file system and folder. Never throws.
 */
export function writtenBy(
  { logFile, logLevel }: Settings,
  { dir, terminationLog }: Pick<WatchSettings, 'dir' | 'terminationLog'>,
  pid?: number,
): readonly Written[] {
  const look = (variable: Written['variable'], path: string, rule: (path: string) => void): Written => {
    try {
      rule(seenFromHere(path, pid))
      return { variable, path }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return { variable, path, trouble: code ?? message }
    }
  }
  const isAuto = terminationLog === 'auto'
  const lastWords = look('HEAPGUARD_TERMINATION_LOG', isAuto ? KUBERNETES_TERMINATION_LOG : terminationLog, canRewrite)
  // Where auto finds no file there is no Kubernetes that would read it.
  const hasLastWords = terminationLog !== 'off' && !(isAuto && lastWords.trouble === 'ENOENT')
  const hasLogFile = logFile !== 'stderr' && logFile !== 'stdout' && logLevel !== 'silent'
  return [
    ...(hasLogFile ? [look('HEAPGUARD_LOG_FILE', logFile, canAppend)] : []),
    ...(dir === undefined ? [] : [look('HEAPGUARD_DIR', dir, canFill)]),
    ...(hasLastWords ? [lastWords] : []),
  ]
}

/** A path of the subject's in this process's file system. */
function seenFromHere(path: string, pid: number | undefined): string {
  if (pid === undefined) return path
  return isAbsolute(path) ? `/proc/${pid}/root${path}` : `/proc/${pid}/cwd/${path}`
}

/** The guard makes the file, and no folder. */
function canAppend(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) canFill(dirname(path))
  else if (stat.isDirectory()) throw new Error('a folder')
  else accessSync(path, W_OK)
}

function canFill(folder: string): void {
  if (!statSync(folder).isDirectory()) throw new Error('no folder')
  accessSync(folder, W_OK | X_OK)
}

/** Never made, and nothing else than a regular file. */
function canRewrite(path: string): void {
  if (!statSync(path).isFile()) throw new Error('no regular file')
  accessSync(path, R_OK | W_OK)
}
