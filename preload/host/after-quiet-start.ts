// What the whole guard goes on with where the quiet start has spoken before it.
import type { QuietBudget } from '../core/quiet.ts'
import type { Millis } from '../core/units.ts'
import type { Host } from './host.ts'
import type { Following } from './workers.ts'

export interface QuietStart {
  readonly budget: QuietBudget
  /** What the environment held then, all of the guard's variables: what the app sets or deletes since is none of ours. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** What /proc/self/fd/2 led to; where that is a file, its fileIdentity(). */
  readonly stderr: string
  /** The boot line, where lines are held back (log.ts); empty: it is of a level that is not written. */
  readonly heldLine: string | undefined
  /** undefined: none was followed so far. */
  readonly workers: Following | undefined
  /** Uptime then. */
  readonly startedAtMs: Millis
  /**
   * Set by the whole guard, called at the first tick: begins to look. Not when the app listens for a signal: a timer that
   * is made in the app's call keeps its async context for ever, and each look would run in it.
   */
  begin: () => void
}

export const NULL_DEVICE = '/dev/null'

/** A file, whatever it is called by now. */
export const fileIdentity = (device: bigint, inode: bigint): string => `/${device}:${inode}`

/** The host, with the environment and the descriptor of a quiet start. */
export function afterQuietStart(host: Host, { variables, stderr }: QuietStart): Host {
  const { descriptors } = host
  const isFile = stderr[0] === '/' && stderr !== NULL_DEVICE
  return {
    ...host,
    readVariable: name =>
      name in variables ? variables[name] : name.startsWith('HEAPGUARD_') ? undefined : host.readVariable(name),
    descriptors: {
      ...descriptors,
      identify: fd => {
        const now = descriptors.identify(fd)
        const name = isFile ? fileIdentity(now.device, now.inode) : descriptors.readLink('/proc/self/fd/2')
        if (name !== stderr) throw new Error('stderr is another one by now')
        return now
      },
    },
  }
}
