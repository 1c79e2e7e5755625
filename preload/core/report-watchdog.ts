// What the watchdog adds to a `pressure` line: the main thread is blocked, and from outside less can be known.
import type { Cause, CauseKind } from './cause.ts'
import type { Entry } from './record.ts'
import { reasonOf } from './report.ts'
import { type Millis, roundedSeconds } from './units.ts'

/** What the second thread knows of the main thread at this moment. */
export interface FromOutside {
  readonly blockedMs: Millis
  /** It has answered the inspector a moment ago, so it runs JS. */
  readonly answers: boolean
  /** Its Buffers are known: V8's own protocol tells them from Node 24 on. */
  readonly tellsBuffers: boolean
}

/** `evidence-problem`: the thread could not be started, or ended with an error. The watch goes on in the main thread. */
export const watchdogFailed = (error: unknown): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `The watchdog does not run (${reasonOf(error)}): a blocked event loop is not watched.`,
  fields: { what: 'watchdog', reason: reasonOf(error) },
})

const OWN: readonly CauseKind[] = ['heap', 'buffers', 'native', 'workers']

/** The cause, where it can be told from outside, and the sentence that goes with it. */
export function seenFromOutside(
  cause: Cause,
  { blockedMs, answers, tellsBuffers }: FromOutside,
): { readonly cause: Cause; readonly note: string } {
  const note = ` The main thread has been blocked for ${roundedSeconds(blockedMs)} s, so this comes from the watchdog.`
  const isOwn = OWN.includes(cause.kind)
  if (!answers && (isOwn || cause.kind === 'unknown'))
    return {
      cause: { ...cause, kind: 'unknown' },
      note: `${note} It is inside one native call (a large Buffer, JSON.parse, a synchronous read), so what grows is not known.`,
    }
  if (!tellsBuffers && (cause.kind === 'native' || cause.kind === 'workers'))
    return {
      cause: { ...cause, kind: 'unknown' },
      note: `${note} What grows lies outside of V8's heap: Buffers or native memory, which this Node does not tell apart while it is blocked.`,
    }
  return { cause, note }
}
