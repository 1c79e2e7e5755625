// Loads the files beside preload.js when they are needed. Not by require: a loader hook of the app (a transpiler, a coverage
// tool, a tracer) would see it, and it would stand in require.cache.
import type { ReadText } from '../core/cgroup.ts'

export type Watch = typeof import('../watch.ts')

/** The second file, or undefined where it cannot be loaded: for what can do without its words. */
export function ifLoadable(watch: () => Watch): Watch | undefined {
  try {
    return watch()
  } catch {
    // Missing, or denied by a permission model: the first tick says so.
    return undefined
  }
}

/** Returns a function that loads the file at its first call. It throws what reading or compiling throws, each time anew. */
export function loaderOf<T>(path: string, readText: ReadText): () => T {
  let loaded: T | undefined
  // This file's own require is the `load` of whoever loaded it (below): what was taken at start, before the app could replace it.
  return () => (loaded = loaded || loadFile<T>(path, readText, require as (id: string) => object | undefined))
}

/** What one of the guard's other files exports; `load` is its require. Throws what reading or compiling throws. */
export function loadFile<T>(path: string, readText: ReadText, load: (id: string) => object | undefined): T {
  const code = readText(path)
  if (code === undefined) throw new Error(`${path} is missing`)
  const { compileFunction } = load('node:vm') as typeof import('node:vm')
  const module = { exports: {} as T }
  compileFunction(code, ['require', 'module'], { filename: path })(load, module)
  return module.exports
}
