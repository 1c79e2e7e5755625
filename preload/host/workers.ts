// This process's worker threads, seen without a listener: Node tells of each on a diagnostics channel.

interface WorkerLike {
  readonly threadId: number
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number }
}

/** What each live worker was given as maxOldGenerationSizeMb; -1 or undefined: nothing of its own. */
export type LiveWorkers = () => readonly (number | undefined)[]

/** Counts from now on: at boot, since a pool is made early. The channel's module is in the start-up snapshot from 22 on. */
export function followWorkers(): LiveWorkers {
  const { subscribe } = require('node:diagnostics_channel') as typeof import('node:diagnostics_channel')
  let workers: WorkerLike[] = []
  subscribe('worker_threads', message => {
    workers.push((message as { worker: WorkerLike }).worker)
  })
  return () => {
    // -1: the thread has ended. A listener on the worker would say it too, and could be seen.
    workers = workers.filter(({ threadId }) => threadId !== -1)
    return workers.map(({ resourceLimits }) => resourceLimits?.maxOldGenerationSizeMb)
  }
}
