// What the kernel's files say about this process's memory: the limit that would kill it, and who set it.
import type { Bytes } from './units.ts'

/** Reads a text file. undefined: no such file; anything else (EACCES, EIO, …) throws an error that has a `code`. */
export type ReadText = (path: string) => string | undefined

/** The group whose files speak for the container: where its limit, its usage and its events are read. */
export interface MemoryGroup {
  readonly version: 'cgroup-v2' | 'cgroup-v1'
  /** Absolute folder, without a trailing slash. */
  readonly folder: string
}

/** A soft limit (v2 memory.high): it throttles, it does not kill. */
export interface SoftLimit {
  readonly limitBytes: Bytes
  readonly path: string
}

export type ContainerLimit =
  | {
      readonly kind: 'limited'
      readonly limitBytes: Bytes
      readonly source: 'cgroup-v2' | 'cgroup-v1' | 'lambda'
      /** The file (or variable) that holds the number. */
      readonly path: string
      /** low: the path of the own group was not visible, so the nearest thing that was is reported. */
      readonly confidence: 'high' | 'low'
      readonly soft?: SoftLimit
      /** The level that gave the limit; absent for lambda without a cgroup. */
      readonly group?: MemoryGroup
    }
  | { readonly kind: 'unlimited'; readonly reason: string; readonly soft?: SoftLimit; readonly group?: MemoryGroup }
  | { readonly kind: 'unknown'; readonly reason: string; readonly group?: MemoryGroup }

/** What is asked beside the kernel's files. */
export interface LimitFacts {
  /** AWS_LAMBDA_FUNCTION_MEMORY_SIZE, as set. */
  readonly lambdaMemoryMB?: string | undefined
}

/** Placeholder until the reader lands. */
export function readContainerLimit(_readText: ReadText, _facts: LimitFacts = {}): ContainerLimit {
  return { kind: 'unknown', reason: 'not built' }
}
