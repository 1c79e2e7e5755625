// V8's sampling heap profiler, in the main thread, through node:inspector: which code allocated what is still there.
import { type ProfileNode, type Suspect, suspectsIn } from '../core/suspects.ts'
import { notCounted } from './not-counted.ts'

export interface Profiler {
  /** The profile so far: makes V8 collect first [measured: 15 to 40 ms and more with the heap]. Throws what V8 says. */
  readonly read: () => ProfileNode
  readonly stop: () => void
}

/** One sample each so many bytes: enough to name a site that holds a hundredth of a small heap. */
const SAMPLING_BYTES = 131_072

/**
 * Begins to sample allocations. undefined where that would get into somebody's way (an inspector is open, a profile runs
 * already) or cannot be done (no inspector in this Node, a permission model).
 */
export function startProfiler(): Profiler | undefined {
  try {
    const { Session, url } = require('node:inspector') as typeof import('node:inspector')
    const v8 = require('node:v8') as typeof import('node:v8')
    if (url() !== undefined) return undefined
    const session = new Session()
    session.connect()
    // A session on its own thread answers before post returns.
    const post = (method: string, params?: object): { readonly error?: Error; readonly result?: unknown } => {
      let answer: { readonly error?: Error; readonly result?: unknown } = { error: new Error(`${method}: no answer`) }
      const heard = (error: Error | null, result?: unknown): void => {
        answer = error ? { error } : { result }
      }
      session.post(method, params, heard)
      return answer
    }
    const isTaken = post('HeapProfiler.getSamplingProfile').error === undefined
    if (isTaken || post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES }).error !== undefined) {
      session.disconnect()
      return undefined
    }
    return {
      read: () => {
        const { error, result } = notCounted(v8, () => post('HeapProfiler.getSamplingProfile'))
        if (error !== undefined) throw error
        return (result as { readonly profile: { readonly head: ProfileNode } }).profile.head
      },
      // Not stopSampling, which would have V8 collect for a profile that nobody reads, at the app's end too.
      stop: () => session.disconnect(),
    }
  } catch {
    // ERR_INSPECTOR_NOT_AVAILABLE, ERR_ACCESS_DENIED: then nothing is named.
    return undefined
  }
}

export { heapProfileText } from '../core/suspects.ts'
export { type Suspect, suspectsIn }
