// What the commands need of the machine: files of the kernel, by a function that can be shown any machine.
import { readFileSync } from 'node:fs'
import type { ReadText } from '../preload/core/cgroup.ts'

const ABSENT = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH']

/** Reads a whole text file; undefined where it is not there, as ReadText has it. */
export const readText: ReadText = path => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (ABSENT.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/**
 * The machine as another process sees it: its own group and mounts, and files below its own root, which is another
 * one where it runs in a container.
 */
export const readTextOf =
  (pid: number, read: ReadText): ReadText =>
  path =>
    read(path.startsWith('/proc/self/') ? path.replace('self', String(pid)) : `/proc/${pid}/root${path}`)

/** Strings that end in NUL each, as /proc/<pid>/cmdline and environ have them. */
export const nulTerminated = (text: string): readonly string[] => text.split('\0').slice(0, -1)

/** /proc/<pid>/environ as variables. */
export function variablesIn(environ: string): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const pair of nulTerminated(environ)) {
    const equals = pair.indexOf('=')
    // As getenv: the first of two wins.
    if (equals > 0) variables[pair.slice(0, equals)] ??= pair.slice(equals + 1)
  }
  return variables
}
