/**
 * Does once what many want at the same time: ten requests for a picture that is not there yet draw it once. The work's
 * signal is aborted when the last of them has gone; who comes after that begins anew.
 * @template T
 */
export function shareWork() {
  /** @typedef {{ result: Promise<T>, controller: AbortController, wantedBy: number }} Work */
  /** @type {Map<string, Work>} */
  const inProgress = new Map()

  /**
   * @param {string} key
   * @param {(signal: AbortSignal) => Promise<T>} begin
   * @param {AbortSignal} signal aborted when the one who asks has gone
   */
  return async (key, begin, signal) => {
    signal.throwIfAborted()
    const work = inProgress.get(key) ?? start(key, begin)
    work.wantedBy++
    const leave = () => {
      if (--work.wantedBy > 0) return
      work.controller.abort()
      inProgress.delete(key)
    }
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await work.result
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  /** @type {(key: string, begin: (signal: AbortSignal) => Promise<T>) => Work} */
  function start(key, begin) {
    const controller = new AbortController()
    const work = { result: begin(controller.signal), controller, wantedBy: 0 }
    inProgress.set(key, work)
    const end = () => {
      if (inProgress.get(key) === work) inProgress.delete(key)
    }
    work.result.then(end, end)
    return work
  }
}
