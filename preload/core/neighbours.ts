// The other processes of the container, as far as they can be seen without being seen.
import type { ReadText } from './cgroup.ts'
import type { Neighbour } from './heap-sum.ts'
import { quietly } from './kernel-files.ts'

/** More neighbours than this are not looked at: a machine, not a container. */
const MOST_NEIGHBOURS = 64

/**
 * The processes of these groups (their cgroup.procs), this one included. An inner group of v2 has none of its own, so the
 * own group is asked beside the one that the limit is on. Never throws: what cannot be read is left out.
 */
export function readNeighbours(readText: ReadText, groupFolders: ReadonlySet<string>): readonly Neighbour[] {
  const read = quietly(readText)
  const pids = [...groupFolders]
    .flatMap(folder => (read(`${folder}/cgroup.procs`) ?? '').split('\n').map(Number))
    .filter(pid => pid > 0)
  if (pids.length > MOST_NEIGHBOURS) return []
  return pids.map(pid => ({
    pid,
    commandLine: read(`/proc/${pid}/cmdline`) ?? '',
    // Of a neighbour's environment this one variable is looked at, and nothing is kept.
    nodeOptions: read(`/proc/${pid}/environ`)
      ?.split('\0')
      .find(variable => variable.startsWith('NODE_OPTIONS='))
      ?.slice('NODE_OPTIONS='.length),
    stat: read(`/proc/${pid}/stat`),
  }))
}
