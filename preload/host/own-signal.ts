// A signal to this process itself. In the second file.

export interface OwnSignal {
  /** Whether anybody listens to the signal through process.on, at this moment. */
  readonly isHeard: (signal: string) => boolean
  /** Sends it. Throws what process.kill throws. */
  readonly send: (signal: string) => void
}

/** The calls as they are now: taken at boot, before the app can have put its own in their place. */
export function takeOwnSignal(): OwnSignal {
  const { pid, kill, listenerCount } = process
  return {
    isHeard: signal => listenerCount.call(process, signal) > 0,
    send: signal => void kill(pid, signal),
  }
}
