// Which processes there are, and which of them are node's.
import { readdirSync, readlinkSync } from 'node:fs'
import type { ReadText } from '../../preload/core/cgroup.ts'
import { quietly, statFields } from '../../preload/core/kernel-files.ts'
import { isNodeName } from './command-line.ts'

export interface Process {
  readonly pid: number
  readonly parentPid: number
}

/** By its binary: words and titles are what a process says of itself. False where it may not be looked at. */
export function isNodeProcess(pid: number): boolean {
  try {
    return isNodeName(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
  } catch {
    return false // not ours to look at, so not known to be node
  }
}

/** All that this pid namespace shows. /proc/<pid>/task/<tid>/children is not built into every kernel; stat is. */
export function listProcesses(read: ReadText): readonly Process[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.flatMap(name => {
    const parentPid = parentIn(quietly(read)(`/proc/${name}/stat`) ?? '')
    return parentPid === undefined ? [] : [{ pid: Number(name), parentPid }]
  })
}

/** `7 (a name) with ) in it) S 1 7 …`: the second field after the last parenthesis. */
export function parentIn(stat: string): number | undefined {
  const [, parent] = statFields(stat)
  return parent === undefined ? undefined : Number(parent)
}

/** A node process, and those between that are none, the one that was asked about first. */
export interface Nearest {
  readonly pid: number
  readonly behind: readonly number[]
}

/**
 * The node processes below one that is none, on each branch the first. Those that the process `own` runs under, and itself,
 * are passed over: the doctor, and the npx that started it.
 */
export function nearestNodes(
  pid: number,
  all: readonly Process[],
  isNode: (pid: number) => boolean,
  own: number,
): readonly Nearest[] {
  const parentOf = new Map(all.map(({ pid, parentPid }) => [pid, parentPid]))
  const asking = new Set<number>()
  for (let at: number | undefined = own; at !== undefined && !asking.has(at); at = parentOf.get(at)) asking.add(at)
  const below = (parent: number, behind: readonly number[]): readonly Nearest[] =>
    all
      .filter(({ pid, parentPid }) => parentPid === parent && !behind.includes(pid))
      .flatMap(({ pid }) => (isNode(pid) ? (asking.has(pid) ? [] : [{ pid, behind }]) : below(pid, [...behind, pid])))
  return below(pid, [pid])
}
