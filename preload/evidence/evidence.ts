// The third file, dist/evidence.js: what only danger calls for. watch.js loads it when the heap heads for a rung or one
// is reached.
export { TO_WRITE_ANEW } from './evidence-files.ts'
export { type SnapshotMoment, writeSnapshot } from './heap-snapshot.ts'
export { heapProfileText, startProfiler, suspectsIn } from './profiler.ts'
export { originalPlace } from './source-maps.ts'
export { openLastWords } from './termination-log.ts'
export { openReport } from './v8-report.ts'
