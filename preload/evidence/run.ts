// Which run this is: the first thing that every file of evidence needs.
import { type RunId, runIdOf } from '../core/evidence-names.ts'
import { quietly } from '../core/kernel-files.ts'
import type { Host } from '../host/host.ts'

/** A new id at each call. Its noise is the kernel's: Math.random and node:crypto are the app's, and may be seeded or counted. */
export function newRunId({ isoTime, pid, readText }: Pick<Host, 'isoTime' | 'pid' | 'readText'>): RunId {
  const noise = quietly(readText)('/proc/sys/kernel/random/uuid') ?? process.hrtime.bigint().toString().slice(-6)
  return runIdOf(isoTime(), pid, noise)
}
