// dist/gate.js: what only some starts and ends ask, read when they do (main.ts knows the usual ones at a glance).
import { gateOf, type ProcessFacts } from './core/gate.ts'
import { isLoaded, type ListeningProcess } from './host/hooks.ts'

export { exitReason } from './host/exit.ts'

type Start = Pick<ProcessFacts, 'versions' | 'scriptPath' | 'execArgv' | 'testContext'>

/** May the guard run in this process? Asked of the main thread, where it is not off. */
export const mayRun = (target: ListeningProcess, start: Start): boolean =>
  !isLoaded(target) && gateOf({ ...start, enabled: true, alreadyLoaded: false, isWorkerThread: false }).kind === 'run'
