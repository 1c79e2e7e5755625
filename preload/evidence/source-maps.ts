// Where a place in the code stands in the source that it was made from: only as far as the app has Node look already.
import type { Place } from '../core/suspects.ts'

/**
 * Looks a place up in the source maps that Node holds (--enable-source-maps, process.setSourceMapsEnabled). undefined: they
 * are off, or none knows the place. Loads nothing from disk, and throws nothing.
 */
export function originalPlace({ url, lineNumber, columnNumber }: Place): Place | undefined {
  try {
    if (!process.sourceMapsEnabled) return undefined
    const { findSourceMap } = require('node:module') as typeof import('node:module')
    const found = findSourceMap(url)?.findEntry(lineNumber, columnNumber)
    return found !== undefined && 'originalSource' in found
      ? { url: found.originalSource, lineNumber: found.originalLine, columnNumber: found.originalColumn }
      : undefined
  } catch {
    // A map that cannot be parsed: the place is named as V8 has it.
    return undefined
  }
}
