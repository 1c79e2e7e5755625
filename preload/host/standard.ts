// The numbers 0, 1 and 2, for the calls that must not get one of them.
import type { Natives } from './natives.ts'

export type StandardFiles = Pick<Natives, 'openSync' | 'closeSync'>

/** O_RDONLY, as a number: the text would be looked up at each look. */
const READ_ONLY = 0

/**
 * What `call` returns. process.memoryUsage() opens a file to read the RSS, and the libuv of Node 20 aborts the process
 * where that gets a number up to 2, of a descriptor that the app has closed: while it is called the null device has them.
 * Opened and not asked for: fstat makes objects, at each look. Throws what opening that throws, and what `call` throws.
 */
export function withStandardOpen<T>({ openSync, closeSync }: StandardFiles, call: () => T): T {
  const held: number[] = []
  try {
    // Each gets the lowest number that is free: one above 2 says that all three are taken.
    for (let fd = 0; fd <= 2; ) {
      fd = openSync('/dev/null', READ_ONLY)
      held.push(fd)
    }
    return call()
  } finally {
    for (const fd of held) closeSync(fd)
  }
}
