// Starts the built command line as a user would.
import { resolve } from 'node:path'
import { type Ended, runNode, type Start } from '../preload/node.ts'

export const CLI = resolve('dist/heapguard.js')

/** Runs heapguard with these words. */
export const runCli = (words: readonly string[], start: Omit<Start, 'args'> = {}): Promise<Ended> =>
  runNode({ ...start, args: [CLI, ...words] })
