// The numbers 0, 1 and 2, for the calls that must not get one of them.
import type { Natives } from './natives.ts'

export type StandardFiles = Pick<Natives, 'fstatSync' | 'openSync' | 'closeSync'>

/**
 * What `call` returns. process.memoryUsage() opens a file to read the RSS, and the libuv of Node 20 aborts the process
 * where that gets a number up to 2, of a descriptor that the app has closed: while it is called the null device has them.
 * Throws what opening that throws, and what `call` throws.
 */
export function withStandardOpen<T>({ fstatSync, openSync, closeSync }: StandardFiles, call: () => T): T {
  const held: number[] = []
  try {
    for (const fd of [0, 1, 2])
      try {
        fstatSync(fd)
      } catch {
        // The lowest that is free, so one of them.
        held.push(openSync('/dev/null', 'r'))
      }
    return call()
  } finally {
    for (const fd of held) closeSync(fd)
  }
}
