// Settings that are refused, not known, or name what cannot be written.
import { configProblem } from '../../../preload/core/report-watch.ts'
import type { Written } from '../written.ts'
import type { Found, Row } from './row.ts'

function troubleWith(variable: Written['variable'], say: (path: string, why: string) => Found): Row['look'] {
  return ({ written }) =>
    written.flatMap(one => (one.variable === variable && one.trouble !== undefined ? [say(one.path, one.trouble)] : []))
}

export const SETTING_ROWS: readonly Row[] = [
  {
    name: 'bad-setting',
    level: 'warn',
    look: ({ problems }) =>
      problems.map(problem => ({ msg: configProblem(problem).msg, remedy: `Correct or unset ${problem.variable}.` })),
  },
  {
    name: 'unknown-setting',
    level: 'warn',
    look: ({ strangers }) =>
      strangers.map(name => ({ msg: `${name} is no setting of this version.`, remedy: 'Look for a typing error.' })),
  },
  {
    name: 'log-file-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_LOG_FILE', (path, why) => ({
      msg: `HEAPGUARD_LOG_FILE ${path} cannot be appended to by this user (${why}): the lines go to stderr.`,
      remedy: 'Give its folder to the user that runs, or unset it. The guard makes the file, and no folder.',
    })),
  },
  {
    name: 'evidence-folder-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_DIR', (path, why) => ({
      msg: `HEAPGUARD_DIR ${path} cannot be written to by this user (${why}), so nothing outlives the process.`,
      remedy: 'Mount a volume there that the user that runs may write to. The guard makes no folder.',
    })),
  },
  {
    name: 'termination-log-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_TERMINATION_LOG', (path, why) => ({
      msg: `${path} cannot be written by this user (${why}), so no last words can stand in kubectl describe pod.`,
      remedy: 'Run as a user that may read and write it, and name a regular file that is there.',
    })),
  },
]
