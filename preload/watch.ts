// The second file, dist/watch.js: what a process needs once it has lived for a moment, or when something is not as it
// should be. preload.js loads it then, so that start-up does not pay for it.
export { adviceOn, kernelLimitIsLower, limitChanged } from './core/report-watch.ts'
export { followVisibly } from './host/visible-signals.ts'
export { onSignal, openLookout, readRest } from './lookout.ts'
