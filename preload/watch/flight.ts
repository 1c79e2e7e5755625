// The flight recorder as boot, signals and the lookout use it: loaded at boot where HEAPGUARD_DIR is set, with its own catch.
import type { HeapBudget } from '../core/budget.ts'
import type { RunId } from '../core/evidence-names.ts'
import { evidenceProblem } from '../core/report-watch.ts'
import type { Flight, FlightParts } from '../evidence/record.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { loadFile } from '../host/second-file.ts'

type RecordFile = typeof import('../evidence/record.ts')

/** A signal comes to the second file by a function alone, so this process's recorder is kept here. */
let flight: Flight | undefined

/** This process's recorder; undefined: there is no HEAPGUARD_DIR, or it could not be loaded. */
export const currentFlight = (): Flight | undefined => flight

/** Tells of earlier runs and makes ready to record. Does not throw; what goes wrong is said in one line. */
export function beginFlight(
  { host, log, dir, run }: { readonly host: Host; readonly log: Log; readonly dir: string; readonly run: RunId },
  budget: HeapBudget,
  folder: string,
): void {
  const parts: FlightParts = { host, log, dir, run, budget }
  try {
    flight = loadFile<RecordFile>(`${folder}/record.js`, host.readText, require).openFlight(parts)
  } catch (error) {
    log.say(evidenceProblem('flight record', error))
  }
}
