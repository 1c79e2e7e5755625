/** What there is no room for. `status` is for the answer, and so is `retryAfterS`. */
export class QueueFull extends Error {
  status = 503
  retryAfterS = 5
}

/**
 * Lets `atOnce` pieces of work run at a time. Up to `mostWaiting` others wait for their turn, in the order in which they
 * came; one more is refused with QueueFull. What waits leaves when its signal is aborted; what runs has to look itself.
 * @param {number} atOnce
 * @param {number} mostWaiting
 */
export function openQueue(atOnce, mostWaiting) {
  let running = 0
  let refused = 0
  /** A Set keeps the order of insertion. @type {Set<() => void>} */
  const waiting = new Set()

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} signal
   */
  async function run(work, signal) {
    signal.throwIfAborted()
    if (running < atOnce) running++
    else await place(signal) // handed over by the one that ended: nobody who comes later gets in between
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next) next()
      else running--
    }
  }

  /** @type {(signal: AbortSignal) => Promise<void>} */
  function place(signal) {
    if (waiting.size >= mostWaiting) {
      refused++
      throw new QueueFull(`${mostWaiting} are waiting already`)
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(enter)
        reject(signal.reason)
      }
      const enter = () => {
        waiting.delete(enter)
        signal.removeEventListener('abort', leave)
        resolve()
      }
      waiting.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  return {
    run,
    get stats() {
      return { running, waiting: waiting.size, refused }
    },
  }
}
