// HEAPGUARD_AUTOSIZE as boot uses it: loaded where it is asked for, with its own catch.
import { evidenceProblem } from '../core/report-watch.ts'
import { loadFile } from '../host/second-file.ts'
import type { AutosizeParts } from './autosize.ts'

export interface OpenAutosizeParts extends AutosizeParts {
  /** Where the guard's files are. */
  readonly folder: string
}

/** Does not come back where the process starts again. Never throws. */
export function openAutosize({ folder, ...parts }: OpenAutosizeParts): void {
  const { host, log } = parts
  try {
    loadFile<typeof import('./autosize.ts')>(`${folder}/autosize.js`, host.readText, require).autosize(parts)
  } catch (error) {
    log.say(evidenceProblem('autosize', error))
  }
}
