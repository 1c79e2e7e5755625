// This process's worker threads, seen without a listener: Node tells of each on a diagnostics channel.

interface WorkerLike {
  readonly threadId: number
  /** The watchdog's own thread. */
  readonly heapguard?: boolean
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number }
}

/** Those that have not ended. */
export type Following = () => readonly WeakRef<WorkerLike>[]

/** What each live worker was given as maxOldGenerationSizeMb; -1 or undefined: nothing of its own. */
export type LiveWorkers = () => readonly (number | undefined)[]

/**
 * Counts from now on: at boot, since a pool is made early. Holds no worker: where nobody ever asks (no pulse, no interval),
 * those that have ended must still be collected. The channel's module is in the start-up snapshot from 22 on.
 */
export function followWorkers(): Following {
  'at start'
  const Ref = WeakRef
  let workers: WeakRef<WorkerLike>[] = []
  // -1: the thread has ended. A listener on the worker would say it too, and could be seen.
  const live = () => {
    workers = workers.filter(ref => {
      const worker = ref.deref()
      return worker && worker.threadId !== -1 && !worker.heapguard
    })
    return workers
  }
  ;(require('node:diagnostics_channel') as typeof import('node:diagnostics_channel')).subscribe(
    'worker_threads',
    message => {
      try {
        live().push(new Ref((message as { worker: WorkerLike }).worker))
      } catch {
        // What a subscriber throws ends the app.
      }
    },
  )
  return live
}

/** What the live ones were given. */
export const limitsOf =
  (live: Following): LiveWorkers =>
  () =>
    live().map(ref => ref.deref()?.resourceLimits?.maxOldGenerationSizeMb)
