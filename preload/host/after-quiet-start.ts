// What the whole guard goes on with where the quiet start has spoken before it.
import type { QuietBudget } from '../core/quiet.ts'
import type { Millis } from '../core/units.ts'
import type { Host } from './host.ts'
import type { Following } from './workers.ts'

export interface QuietStart {
  readonly budget: QuietBudget
  /** What the environment held then: what the app sets or deletes since is none of ours. */
  readonly variables: { readonly [name in 'NODE_OPTIONS' | 'CONTAINER_MEMORY_MB']: string | undefined }
  /** What /proc/self/fd/2 led to. */
  readonly stderr: string
  readonly workers: Following
  /** Uptime then. */
  readonly startedAtMs: Millis
  /** The first look is due. */
  readonly isDue: boolean
}

/** The host, with the environment and the descriptor of a quiet start: no HEAPGUARD_ variable was set. */
export function afterQuietStart(host: Host, { variables, stderr }: QuietStart): Host {
  const { descriptors } = host
  const isReplaced = (): boolean => descriptors.readLink('/proc/self/fd/2') !== stderr
  return {
    ...host,
    readVariable: name =>
      name in variables
        ? variables[name as keyof typeof variables]
        : name.startsWith('HEAPGUARD_')
          ? undefined
          : host.readVariable(name),
    descriptors: {
      ...descriptors,
      identify: fd => {
        if (isReplaced()) throw new Error('stderr is another one by now')
        return descriptors.identify(fd)
      },
    },
  }
}
