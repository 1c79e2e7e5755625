// V8's heap snapshot, where an operator asked for it and there is room: the one piece of evidence that holds values.
import { quietly } from '../core/kernel-files.ts'
import type { Entry } from '../core/record.ts'
import {
  availableIn,
  planSnapshot,
  type SnapshotFacts,
  snapshotBegins,
  snapshotRefused,
  snapshotWritten,
} from '../core/snapshot.ts'
import { type Bytes, bytes, millis } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import { notCounted } from './not-counted.ts'

/** What the look knows of the moment. */
export type SnapshotMoment = Pick<SnapshotFacts, 'heapUsedBytes' | 'container'>

/**
 * Writes it, or says why not. The main thread alone calls this, and stands still until it is done. Throws what the kernel
 * and V8 say; no part of a file is left then.
 */
export function writeSnapshot(
  moment: SnapshotMoment,
  dir: string,
  name: string,
  host: Host,
  say: (entry: Entry) => void,
): void {
  const fs = require('node:fs') as typeof import('node:fs')
  const plan = planSnapshot({
    ...moment,
    availableBytes: availableIn(quietly(host.readText)('/proc/meminfo')),
    diskBytes: diskRoom(fs, dir),
  })
  if (plan.kind === 'refuse') {
    say(snapshotRefused(plan.reason))
    return
  }
  const path = `${dir}/${name}`
  // Made beforehand: Node keeps the mode of a file that is there.
  host.files.closeSync(host.files.openSync(path, 'wx', 0o600))
  try {
    say(snapshotBegins(path))
    const began = host.uptime()
    const v8 = require('node:v8') as typeof import('node:v8')
    notCounted(v8, () => v8.writeHeapSnapshot(path))
    say(snapshotWritten(path, bytes(fs.statSync(path).size), millis(host.uptime() - began)))
  } catch (error) {
    fs.unlinkSync(path)
    throw error
  }
}

/** What the folder's disk has left for others than root; undefined: it does not tell. */
function diskRoom({ statfsSync }: typeof import('node:fs'), dir: string): Bytes | undefined {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return bytes(bavail * bsize)
  } catch {
    // No such folder: making the file says so.
    return undefined
  }
}
