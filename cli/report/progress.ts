// How far a long read has come, on a terminal's stderr alone.

const FIRST_AFTER_MS = 400
const EVERY_MS = 100
const WIDTH = 30

export interface Progress {
  readonly show: (readBytes: number, ofBytes: number | undefined) => void
  /** Leaves the line as it was. */
  readonly clear: () => void
}

/** A bar where the size is known, else what was read so far; nothing at all where stderr is no terminal. */
export function progressOn(stderr: NodeJS.WriteStream, now: () => number): Progress {
  const beganMs = now()
  let shownMs = beganMs + FIRST_AFTER_MS - EVERY_MS
  let isShown = false
  return {
    show(readBytes, ofBytes) {
      if (!stderr.isTTY || now() - shownMs < EVERY_MS) return
      shownMs = now()
      isShown = true
      stderr.write(`\r\x1b[K${progressLine(readBytes, ofBytes, (shownMs - beganMs) / 1000)}`)
    },
    clear() {
      if (isShown) stderr.write('\r\x1b[K')
    },
  }
}

/** `━━━━━━━───────── 45 % of 2,048 MB, 512 MB/s`. */
export function progressLine(readBytes: number, ofBytes: number | undefined, seconds: number): string {
  const mb = (bytes: number) => `${Math.round(bytes / 1_048_576).toLocaleString('en-US')} MB`
  const speed = `${mb(readBytes / Math.max(seconds, 0.001))}/s`
  if (!ofBytes) return `${mb(readBytes)} read, ${speed}`
  const share = Math.min(1, readBytes / ofBytes)
  const done = Math.round(share * WIDTH)
  return `${'━'.repeat(done)}${'─'.repeat(WIDTH - done)} ${Math.floor(share * 100)} % of ${mb(ofBytes)}, ${speed}`
}
