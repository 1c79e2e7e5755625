// The guard's own collections are not the app's.
const FLAG = 'detect-ineffective-gcs-near-heap-limit'

/**
 * Runs what makes V8 collect, without it counting: V8 ends a process whose full collections were in vain four times in a
 * row, above 80 % of its heap's limit (Node 26: 95 %) [heap.cc, CheckIneffectiveMarkCompact], and a profile is one such
 * collection, a snapshot two and more [measured: on Node 20 two of five apps at 85 % ended in their snapshot]. The flag is put back,
 * unless it was off. Throws what `collect` throws.
 */
export function notCounted<T>(
  v8: Pick<typeof import('node:v8'), 'cachedDataVersionTag' | 'setFlagsFromString'>,
  collect: () => T,
): T {
  // Frozen by an operator: to set one would be the end of the process [seen: Node 20 to 26].
  if (process.execArgv.some(option => /^--?freeze[-_]flags/.test(option))) return collect()
  // V8 does not tell a flag's value, but its tag for cached code covers all of them.
  const before = v8.cachedDataVersionTag()
  v8.setFlagsFromString(`--no-${FLAG}`)
  const wasOn = v8.cachedDataVersionTag() !== before
  try {
    return collect()
  } finally {
    if (wasOn) v8.setFlagsFromString(`--${FLAG}`)
  }
}
