// What the guard takes of Node while the process starts: an app that replaces a method of fs, a clock or a global
// afterwards (fake timers, a patched Date) changes nothing here, however late the rest of the guard is loaded.

import type { SizedProcess } from '../core/heap-size.ts'

/** Functions and values in a row: a quiet start pays for each name that it writes, so most get theirs later. */
export type Taken = ReturnType<typeof takeNatives>
/** process.getBuiltinModule, or require where there is none. */
export type LoadBuiltin = (name: string) => object | undefined

/** V8's figures, which node:v8 tells. */
export type V8Figures = Pick<typeof import('node:v8'), 'getHeapStatistics' | 'getHeapSpaceStatistics'>
/** Where they are kept once they are taken. */
interface V8Slot {
  figures?: V8Figures
  /** The app may have begun. */
  isLate?: boolean
}

/** Nothing of what is taken runs here. `sized`: what V8's limit may be worked out of; undefined: V8 is asked. */
export function takeNatives(load: LoadBuiltin, sized?: SizedProcess) {
  'at start'
  const fs = require('node:fs') as typeof import('node:fs')
  const v8: V8Slot = {}
  return [
    fs.readFileSync,
    fs.writeFileSync,
    fs.readlinkSync,
    fs.constants,
    load,
    process.uptime,
    process.constrainedMemory as typeof process.constrainedMemory | undefined,
    Date.now,
    setInterval,
    clearInterval,
    v8,
    fs.openSync,
    fs.readSync,
    fs.writeSync,
    fs.closeSync,
    fs.ftruncateSync,
    fs.fstatSync,
    process.env,
    process.execArgv,
    process.memoryUsage,
    process.resourceUsage,
    process.geteuid,
    FinalizationRegistry,
    Buffer.alloc,
    Buffer.byteLength,
    sized,
    Function.prototype.toString,
    Reflect.apply,
    Object.getOwnPropertyDescriptor,
  ] as const
}

const NAMES = [
  ...(['readFileSync', 'writeFileSync', 'readlinkSync', 'constants', 'load', 'uptime'] as const),
  ...(['constrainedMemory', 'now', 'setInterval', 'clearInterval', 'v8', 'openSync'] as const),
  ...(['readSync', 'writeSync', 'closeSync', 'ftruncateSync', 'fstatSync', 'env', 'execArgv', 'memoryUsage'] as const),
  ...(['resourceUsage', 'geteuid', 'FinalizationRegistry', 'alloc', 'byteLength', 'sized'] as const),
  ...(['functionText', 'apply', 'getOwnPropertyDescriptor'] as const),
] as const

type Indices = Extract<keyof Taken, `${number}`>

/** What was taken, by name, and what of process does not change. */
export type Natives = { readonly [I in Indices as (typeof NAMES)[I]]: Taken[I] } & {
  readonly [name in 'pid' | 'ppid' | 'version']: (typeof process)[name]
}

/**
 * Takes V8's figures of node:v8 before the app runs. That module is not in Node's start-up snapshot and brings all of
 * node:stream, so it is called where the figures are needed at once.
 */
export function takeV8(taken: Taken): V8Figures {
  const { getHeapStatistics, getHeapSpaceStatistics } = taken[4]('node:v8') as V8Figures
  const figures = { getHeapStatistics, getHeapSpaceStatistics }
  taken[10].figures = figures
  return figures
}

/**
 * V8's figures, taken when they are first asked for. Once the app runs and while it has replaced one of the two functions, it
 * throws, and takes them later: a call would be one that the app can see, and the answer none of V8's. That late they are only
 * behind a limit that was worked out (heap-size.ts), so on a Node whose own functions are known.
 */
export function v8Of(natives: V8Natives): V8Figures {
  const { load, v8 } = natives
  if (v8.figures !== undefined) return v8.figures
  const module = load('node:v8') as V8Figures
  const getHeapStatistics = v8.isLate ? ownOf(natives, module, 'getHeapStatistics') : module.getHeapStatistics
  const getHeapSpaceStatistics = v8.isLate
    ? ownOf(natives, module, 'getHeapSpaceStatistics')
    : module.getHeapSpaceStatistics
  v8.figures = { getHeapStatistics, getHeapSpaceStatistics }
  return v8.figures
}

type V8Natives = Pick<Natives, 'load' | 'v8' | 'functionText' | 'apply' | 'getOwnPropertyDescriptor'>

/** Node's own function of that name, known by how its text begins. What the app has in its place does not hear of this. */
function ownOf<N extends keyof V8Figures>(natives: V8Natives, module: V8Figures, name: N): V8Figures[N] {
  const { functionText, apply, getOwnPropertyDescriptor } = natives
  const own = getOwnPropertyDescriptor(module, name)?.value
  if (typeof own !== 'function' || !apply(functionText, own, []).startsWith(`function ${name}(`))
    throw new Error('the app has replaced a function of node:v8')
  return own
}

export function nativesOf(taken: Taken): Natives {
  const { pid, ppid, version } = process
  return { ...Object.fromEntries(NAMES.map((name, at) => [name, taken[at]])), pid, ppid, version } as Natives
}

/** All of them, as they are at this moment. */
export const nativesNow = (): Natives => nativesOf(takeNatives(require as LoadBuiltin))

/** An unref'd interval, whose tick cannot throw into the app; returns its undo. */
export function every(
  { setInterval, clearInterval }: Pick<Natives, 'setInterval' | 'clearInterval'>,
  intervalMs: number,
  tick: () => void,
): () => void {
  const timer = setInterval(() => {
    try {
      tick()
    } catch {
      // What throws in a timer ends the app: no fault of the guard's gets that far.
    }
  }, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
