// Whether this process's lines are held back now, as host/log.ts holds them: asked here anew, so that start-up does not pay.
import { HOLD_MS, mustHoldBack } from '../core/captured.ts'
import type { Host } from '../host/host.ts'

/** Returns whether lines that are said now may never be written. Never throws. */
export function heldBack(
  host: Pick<Host, 'readVariable' | 'readText' | 'pid' | 'descriptors' | 'uptime'>,
): () => boolean {
  const fd = host.readVariable('HEAPGUARD_LOG_FILE') === 'stdout' ? 1 : 2
  const isHeld = mustHoldBack(host, { fd, isPipeOrSocket: isPipeOrSocket(fd, host.descriptors) })
  return () => isHeld && host.uptime() <= HOLD_MS
}

function isPipeOrSocket(fd: number, { identify }: Host['descriptors']): boolean {
  try {
    return /^(pipe|socket)$/.test(identify(fd).kind)
  } catch {
    // EBADF: closed.
    return false
  }
}
