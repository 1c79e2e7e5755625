// Is the process that a record is of over? A pid alone does not say: every container has its PID 1, pids are given again, and
// a process of another pid namespace cannot be asked.
import type { Beat, FlightHead } from './flight-record.ts'
import { statFields } from './kernel-files.ts'

/** Where a process is: the parts of a record's head that tell it from all others. */
export type Whereabouts = Pick<FlightHead, 'pid' | 'startTicks' | 'machine' | 'namespace' | 'life' | 'seat'>

/**
 * over: its process is gone. replaced: it is this very process, which has started another program (process.execve): no
 * death. in-doubt: nobody here can say.
 */
export type Fate = 'over' | 'replaced' | 'alive' | 'in-doubt'

/** What the kernel says of a pid: its start, that there is none, or nothing (hidepid). */
export type AskPid = (pid: number) => { readonly startTicks: string } | 'none' | 'hidden'

/** The fate of the process that was `there`, asked from `here`. */
export function fateOf(there: Whereabouts, here: Whereabouts, ask: AskPid): Fate {
  const isSame = (key: keyof Whereabouts): boolean => there[key] !== undefined && there[key] === here[key]
  if (isSame('machine') && isSame('namespace')) {
    // The same number, and another life: the first process of a namespace takes all others with it when it ends.
    if (there.life !== undefined && here.life !== undefined && there.life !== here.life) return 'over'
    const found = ask(there.pid)
    if (found === 'none') return 'over'
    if (found === 'hidden' || there.startTicks === undefined) return 'in-doubt'
    if (found.startTicks !== there.startTicks) return 'over'
    return there.pid === here.pid ? 'replaced' : 'alive'
  }
  // A container is started anew only when it has ended, whatever became of the machine in between.
  return isSame('seat') ? 'over' : 'in-doubt'
}

/** Nothing was written for so long: no loop is blocked, no container is paused for as long, as a rule. */
const SILENT_MS = 60_000
/** By another machine's clock. */
const SILENT_ELSEWHERE_MS = 600_000
/** Nor for so many times as long as the next beat was promised. */
const SILENT_BEATS = 10

/**
 * Where nobody can say: is it long enough since the last beat that the process must be gone? `quietMs`: on the clock of
 * here, `isSameMachine`: which then is the one that the beat was stamped by.
 */
export function isSilent(last: Pick<Beat, 'nextMs'> | undefined, quietMs: number, isSameMachine: boolean): boolean {
  return quietMs > Math.max(isSameMachine ? SILENT_MS : SILENT_ELSEWHERE_MS, SILENT_BEATS * (last?.nextMs ?? 0))
}

/**
 * State and start of a process, from /proc/<pid>/stat: `pid (comm) state ppid …`, where comm can hold anything. One that
 * has ended, and that nobody has waited for yet, is none.
 */
export function startIn(stat: string | undefined): { readonly startTicks: string } | 'none' {
  const fields = statFields(stat)
  const [state = ''] = fields
  // Field 22 of the whole.
  const startTicks = fields[19] ?? ''
  return /^[ZXx]/.test(state) || !/^\d+$/.test(startTicks) ? 'none' : { startTicks }
}

/** Where docker, podman and the kubelet keep the files of a container that they mount into it; the mount's root ends in: */
const SEATS: readonly RegExp[] = [
  // /var/lib/kubelet/pods/<uid>/containers/<name>/<digits>: the same at each restart, with other digits.
  /\/pods\/([0-9a-f-]{32,36}\/containers\/[^/ ]+)\/[0-9a-f]+$/,
  // /var/lib/docker/containers/<id>/hostname, …/overlay-containers/<id>/userdata/hostname
  /\/(?:overlay-)?containers\/([0-9a-f]{64})\/(?:userdata\/)?hostname$/,
]

/**
 * What one living container at a time can be, from /proc/self/mountinfo: the pod's uid with the container's name, or the
 * container's id, which stays at a restart. undefined: not such a container.
 */
export function seatIn(mountinfo: string | undefined): string | undefined {
  const roots = (mountinfo ?? '').split('\n').map(line => line.split(' ', 4)[3] ?? '')
  for (const seat of SEATS)
    for (const root of roots) {
      const found = seat.exec(root)?.[1]
      if (found !== undefined) return found
    }
  return undefined
}

/** The number in `pid:[4026532187]`. */
export const namespaceIn = (link: string | undefined): string | undefined => /^pid:\[(\d+)\]$/.exec(link ?? '')?.[1]
