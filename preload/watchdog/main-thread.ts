// The main thread, asked through V8's inspector: it answers inside a synchronous loop of JS, and not inside a native call.
import { type ProfileNode, type Suspect, suspectsIn } from '../core/suspects.ts'
import { type Bytes, bytes, type Millis } from '../core/units.ts'

/** What V8 says of the main thread's heap. */
export interface HeapUsage {
  readonly atMs: Millis
  readonly used: Bytes
  readonly total: Bytes
  /** Buffers and ArrayBuffers; undefined before Node 24. */
  readonly backing: Bytes | undefined
}

export interface MainThread {
  /** Asks how large the heap is; the answer comes when it comes, and is not asked for twice unless somebody waits. */
  readonly ask: (then?: (usage: HeapUsage) => void) => void
  readonly usage: () => HeapUsage | undefined
  /** Begins or ends the sampling of allocations, where nobody else does it; `leave` ends it too. */
  readonly sample: (on: boolean) => void
  readonly isSampling: () => boolean
  /** Calls back with who allocated what is held; never, where it cannot be had. */
  readonly suspects: (then: (suspects: readonly Suspect[]) => void) => void
  readonly leave: () => void
}

const SAMPLING_BYTES = 131_072

/**
 * Connects where no debugger is attached. undefined: it cannot be asked (no inspector in this Node, a permission model).
 * Nothing here throws.
 */
export function reachMainThread(now: () => Millis, ownFolder: string): MainThread | undefined {
  try {
    const { Session, url } = require('node:inspector') as typeof import('node:inspector')
    if (url() !== undefined) return undefined
    const session = new Session()
    session.connectToMainThread()
    const post = (
      method: string,
      params: object | undefined,
      then: (error: unknown, result: unknown) => void,
    ): void => {
      try {
        session.post(method, params, then)
      } catch {
        // Disconnected: there is no answer then.
      }
    }
    let usage: HeapUsage | undefined
    let isAsked = false
    let sampling: 'no' | 'asked' | 'ours' | 'others' = 'no'
    return {
      ask: then => {
        if (isAsked && then === undefined) return
        isAsked = true
        post('Runtime.getHeapUsage', undefined, (error, result) => {
          isAsked = false
          if (error) return
          const { usedSize, totalSize, backingStorageSize } = result as Record<string, number | undefined>
          usage = {
            atMs: now(),
            used: bytes(usedSize ?? 0),
            total: bytes(totalSize ?? 0),
            backing: backingStorageSize === undefined ? undefined : bytes(backingStorageSize),
          }
          then?.(usage)
        })
      },
      usage: () => usage,
      sample: on => {
        if (!on) {
          // Not stopSampling, which would have V8 collect for a profile that nobody reads.
          if (sampling === 'ours') post('HeapProfiler.disable', undefined, () => undefined)
          sampling = 'no'
        } else if (sampling === 'no') {
          sampling = 'asked'
          // An answer: the main thread's own half of the guard samples already, or the app.
          post('HeapProfiler.getSamplingProfile', undefined, error => {
            if (!error) sampling = 'others'
            else
              post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES }, failed => {
                sampling = failed ? 'no' : 'ours'
              })
          })
        }
      },
      isSampling: () => sampling === 'ours' || sampling === 'others',
      suspects: then =>
        post('HeapProfiler.getSamplingProfile', undefined, (error, result) => {
          if (!error) then(suspectsIn((result as { profile: { head: ProfileNode } }).profile.head, ownFolder))
        }),
      leave: () => session.disconnect(),
    }
  } catch {
    // ERR_INSPECTOR_NOT_AVAILABLE, ERR_ACCESS_DENIED: the container is watched, the heap is not.
    return undefined
  }
}
