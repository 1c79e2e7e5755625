// Who else is in the container: noted while it fills, so that one that the kernel kills can still be named.
import type { Companion } from '../core/cause.ts'
import type { MemoryGroup } from '../core/cgroup.ts'
import { oomKill } from '../core/report-watch.ts'
import type { Millis } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { companionsIn } from '../host/sampler.ts'

export interface Company {
  /** The largest other process now; undefined: none, or none that can be read. */
  readonly largest: (group: MemoryGroup | undefined) => Companion | undefined
  /** Notes who is there, once a second at most. */
  readonly note: (group: MemoryGroup | undefined, now: Millis) => void
  /** The kernel killed so many, this moment or just before. */
  readonly killed: (count: number) => void
  /** Says of whom, as soon as that can be told, at the latest when `isLast`. */
  readonly sayKills: (group: MemoryGroup | undefined, isLast: boolean) => void
}

const NOTED_EACH_MS = 1000
/** For so many looks more the killed process may still be on the list. */
const KILL_LOOKS = 3

/** Nobody is noted yet. */
export function openCompany(host: Host, log: Log): Company {
  let noted: readonly Companion[] = []
  let notedAt = 0
  let kills: { readonly count: number; readonly before: readonly Companion[]; looksLeft: number } | undefined
  const present = (group: MemoryGroup | undefined): readonly Companion[] =>
    group === undefined ? [] : companionsIn(host, group)

  return {
    largest: group => present(group)[0],
    note: (group, now) => {
      if (group === undefined || now - notedAt < NOTED_EACH_MS) return
      notedAt = now
      noted = companionsIn(host, group)
    },
    killed: count => {
      kills = { count: count + (kills?.count ?? 0), before: kills?.before ?? noted, looksLeft: KILL_LOOKS }
    },
    // The counter rises before the killed process is off the list: it is named as soon as it is, or said without a name.
    sayKills: (group, isLast) => {
      if (kills === undefined) return
      const alive = new Set(present(group).map(({ pid }) => pid))
      const gone = kills.before.filter(({ pid }) => !alive.has(pid))
      if (gone.length === 0 && kills.before.length > 0 && !isLast && kills.looksLeft-- > 0) return
      log.say(oomKill(kills.count, gone))
      kills = undefined
    },
  }
}
