// How much evidence stays in HEAPGUARD_DIR: the last few runs, up to a size, the oldest go first.
import { type EvidenceKind, evidenceFile } from './evidence-names.ts'
import { HEAD_BEGINS } from './flight-record.ts'
import { type Bytes, mbToBytes } from './units.ts'

/** A file of the guard's, by its name. */
export interface KeptFile {
  readonly name: string
  readonly sizeBytes: Bytes
}

/** Runs that are over and of which something is kept. */
const MOST_RUNS = 16
/** Heap snapshots are as large as the heap; the newest run's stay whatever they weigh. */
const MOST_BYTES = mbToBytes(512)

/**
 * The names of the files that go: of the oldest runs first. `isLiving`: a run that is not over, or that nobody can tell of,
 * keeps all its files, and they do not count. Files that are not the guard's by name are left out.
 */
export function filesToRemove(files: readonly KeptFile[], isLiving: (run: string) => boolean): readonly string[] {
  const runs = new Map<string, { names: string[]; sizeBytes: number }>()
  for (const { name, sizeBytes } of files) {
    const file = evidenceFile(name)
    if (file === undefined || isLiving(file.run)) continue
    const run = runs.get(file.run) ?? { names: [], sizeBytes: 0 }
    run.names.push(name)
    run.sizeBytes += sizeBytes
    runs.set(file.run, run)
  }
  const gone: string[] = []
  let total = 0
  const newestFirst = [...runs].sort(([a], [b]) => (a < b ? 1 : -1))
  for (const [index, [, { names, sizeBytes }]] of newestFirst.entries()) {
    total += sizeBytes
    if (index > 0 && (index >= MOST_RUNS || total > MOST_BYTES)) gone.push(...names)
  }
  return gone
}

/** How what the guard (or V8 for it) writes begins; a file is removed only when it begins so too. */
const BEGINNINGS: Readonly<Record<EvidenceKind, RegExp>> = {
  record: new RegExp(`^${HEAD_BEGINS.replace('{', '\\{')}`),
  death: new RegExp(`^${HEAD_BEGINS.replace('{', '\\{')}`),
  report: /^\s*\{\s*"header": ?\{/,
  'heap-profile': /^\{"head":\{/,
  'heap-snapshot': /^\{"snapshot":\{/,
}
/** So many bytes tell. */
export const TELLING_BYTES = 64

/** Whether a file with the guard's name is the guard's by what is in it too. `begins`: its first TELLING_BYTES; empty is nobody's loss. */
export function isOurs(name: string, begins: string): boolean {
  const file = evidenceFile(name)
  return file !== undefined && (begins === '' || BEGINNINGS[file.kind].test(begins))
}

/**
 * Whether a report of Node's tells of a heap that is full, from its beginning: an app may write reports of its own under
 * the same name.
 */
export const isHeapReport = (begins: string): boolean =>
  /"trigger": ?"OOMError"/.test(begins) || /"event": ?"[^"]*heap out of memory/.test(begins)
