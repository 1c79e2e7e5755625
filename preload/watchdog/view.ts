// The process as the thread sees it: its own RSS and the container at first hand, the main thread's heap as that last said it.
import type { Sample } from '../core/sample.ts'
import { type Bytes, bytes } from '../core/units.ts'
import type { Handover } from '../host/handover.ts'
import type { Host } from '../host/host.ts'
import { withStandardOpen } from '../host/standard.ts'
import type { HeapUsage } from './main-thread.ts'

export interface ViewParts {
  /** The thread's own. */
  readonly own: Host
  readonly handover: Handover
  /** See WatchdogData. */
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly heapLimitBytes: Bytes
  /** What V8 said of the main thread's heap; undefined: it has not been asked. */
  readonly lastUsage: () => HeapUsage | undefined
}

export interface View {
  /** For the rooms of watch/, which take it for the main thread's. */
  readonly host: Host
  /** What V8 said a moment ago; undefined: nothing that is worth anything now. */
  readonly usage: () => HeapUsage | undefined
  readonly rss: () => Bytes
  /** What collections leave is known: the next sample counts as one after a major collection. */
  readonly countCollection: () => void
}

/** An answer of the main thread's that is older says nothing of now. */
const FRESH_MS = 300

/** Reads nothing yet. */
export function openView({ own, handover, variables, heapLimitBytes, lastUsage }: ViewParts): View {
  // Not memoryUsage(), which would walk the thread's own heap.
  const { rss } = process.memoryUsage
  const files = { ...own.files, version: own.nodeVersion }
  const rssNow = () => withStandardOpen(files, rss)
  const usage = (): HeapUsage | undefined => {
    const last = lastUsage()
    return last !== undefined && own.uptime() - last.atMs < FRESH_MS ? last : undefined
  }
  const memory = (): Sample['memory'] => {
    const last = handover.figures()
    const now = usage()
    const own = { ...last, rss: bytes(rssNow()) }
    if (now === undefined) return own
    const { used: heapUsed, total: heapTotal, backing } = now
    return {
      ...own,
      heapUsed,
      heapTotal,
      external: backing ?? last.external,
      arrayBuffers: backing ?? last.arrayBuffers,
    }
  }
  // The thread's own collections say nothing: those of the main thread are counted where they are known.
  let countCollection = (): void => {}
  class Registry {
    constructor(collected: () => void) {
      countCollection = collected
    }
    register(): void {}
  }
  return {
    host: {
      ...own,
      Registry: Registry as unknown as Host['Registry'],
      readVariable: name => variables[name],
      heapLimit: () => heapLimitBytes,
      memory,
      heapSpaces: () => {
        const { heapUsed } = memory()
        return [{ space_name: 'old_space', space_size: heapUsed, space_used_size: heapUsed, space_available_size: 0 }]
      },
    },
    usage,
    rss: () => bytes(rssNow()),
    countCollection: () => countCollection(),
  }
}
