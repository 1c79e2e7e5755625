// How V8 sizes its heap when a process starts (heap.cc, Heap::ConfigureHeap): from the memory that Node tells it of, and a
// few flags. The live figure is node:v8's, and that module brings all of node:stream with it: 5 ms of a start of 38 on Node
// 20. So the start works the figure out, where this is a V8 whose rule was measured; the first look asks V8 itself.
import type { FlagFacts, OldSpaceLimit } from './flags.ts'
import { type Bytes, bytesToMB, mbToBytes } from './units.ts'

/** What is asked of `process`. */
export interface SizedProcess {
  readonly arch: string
  readonly execPath: string
  /** Such as v24.21.0. */
  readonly version: string
  readonly versions: { readonly v8: string }
  readonly config: { readonly variables: Readonly<Record<string, unknown>> }
}

/** What Node's version and V8's begin with, of those that were measured. */
const MEASURED = 'v20.11.3. v22.12.4. v24.13.6. v26.14.6. '
/**
 * Options, of Node or of V8, that move the limit beside those with `max` in their names: all of V8's were tried one by one
 * on the four. Files of options can hold any.
 */
const MOVES_LIMIT = /(?:^| )-[^ =]*(?:lite|optimize|young|minor|stress|predictable|file)/
/** V8's pages are of 256 KB. */
const PAGES_A_MB = 4
/** From so much memory on the old space is larger, on Node 20 from 15.5 GB on: between the two V8 is asked, on any. */
const LARGE_MB = 15_360
const LARGE_ON_20_MB = 15_872

/**
 * MB that V8 adds to the old space where it sees `seenMB` of memory and no flag sizes the semi-space: three semi-spaces of
 * the largest size. Measured on 20.20, 22.23, 24.22 and 26.12: heap_size_limit less --max-old-space-size (whose value makes
 * no difference) in groups of 100 MB to 20 GB, and a page to either side of each step. Never throws.
 */
export function youngGenerationMB(seenMB: number, nodeVersion: string): number {
  'at start'
  const major = Number.parseInt(nodeVersion.slice(1), 10)
  if (seenMB <= 512) return major < 26 ? 3 : seenMB > 256 ? 12 : 6
  return (seenMB > 2048 ? 48 : seenMB > 1024 ? 24 : 12) * (major < 24 ? 1 : major < 26 ? 4 : 2)
}

/**
 * MB of old space that V8 gives itself on 64-bit: half of the memory it sees, rounded up to its pages, 256 MB to 2 GB, but
 * 4 GB from LARGE_MB up (measured, heap.cc). Never throws.
 */
export function defaultOldSpaceMB(seenMB: number): number {
  if (seenMB >= LARGE_MB) return 4096
  return Math.max(256, Math.min(2048, Math.ceil((seenMB * PAGES_A_MB) / 2) / PAGES_A_MB))
}

/**
 * V8's heap_size_limit in a process that started with `options` (command line and NODE_OPTIONS, with a space between two),
 * of which at most one, --max-old-space-size, has `max` in its name: `oldSpaceBytes` is its value. undefined where V8 or its
 * build is not one of those that were measured, or an option moves the limit. Never throws.
 */
export function workedOutLimit(
  { arch, execPath, version, versions, config }: SizedProcess,
  options: string,
  seenBytes: Bytes,
  oldSpaceBytes: Bytes | undefined,
): Bytes | undefined {
  'at start'
  const isMeasured =
    (arch === 'x64' || arch === 'arm64') &&
    MEASURED.includes(`${version.slice(0, 4)}${versions.v8.slice(0, 5)} `) &&
    // Pointers of half the size: other semi-spaces. A single executable can carry options that nothing lists.
    !config.variables.v8_enable_pointer_compression &&
    execPath.endsWith('/node') &&
    !MOVES_LIMIT.test(options)
  if (!isMeasured) return undefined
  const seenMB = bytesToMB(seenBytes)
  if (oldSpaceBytes === undefined && seenMB >= LARGE_MB && seenMB < LARGE_ON_20_MB) return undefined
  const oldSpaceMB = oldSpaceBytes === undefined ? defaultOldSpaceMB(seenMB) : bytesToMB(oldSpaceBytes)
  return mbToBytes(oldSpaceMB + youngGenerationMB(seenMB, version))
}

/**
 * The same for flags as flags.ts reads them, and what it found in them: undefined too where another flag has `max` in its
 * name, where quotes could hide one, and without a process to go by. Never throws.
 */
export function workedOutFor(
  process: SizedProcess | undefined,
  { execArgv, nodeOptions = '', memoryNodeSeesBytes }: FlagFacts,
  oldSpace: OldSpaceLimit,
): Bytes | undefined {
  const options = `${execArgv.join(' ')} ${nodeOptions}`
  const isSet = oldSpace.kind === 'set'
  const isPlain = options.split('max').length === (isSet ? 2 : 1) && !nodeOptions.includes('"')
  if (process === undefined || memoryNodeSeesBytes === undefined || !isPlain) return undefined
  if (isSet && oldSpace.source !== 'flag') return undefined
  return workedOutLimit(process, options, memoryNodeSeesBytes, isSet ? oldSpace.limitBytes : undefined)
}
