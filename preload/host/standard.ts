// The numbers 0, 1 and 2, for the calls that must not get one of them.
import type { Natives } from './natives.ts'

export type StandardFiles = Pick<Natives, 'version' | 'fstatSync' | 'openSync' | 'closeSync'>

/**
 * What `call` returns. process.memoryUsage() opens a file to read the RSS, and the libuv of Node 20 aborts the process
 * where that gets a number up to 2, of a descriptor that the app has closed: while it is called there the null device has
 * them. Later Nodes are asked as they are. Nothing is opened where all three are taken, since a permission model denies
 * the null device. Throws what opening that throws, and what `call` throws.
 */
export function withStandardOpen<T>({ version, fstatSync, openSync, closeSync }: StandardFiles, call: () => T): T {
  if (Number.parseInt(version.slice(1), 10) >= 22) return call()
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
