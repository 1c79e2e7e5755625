// The second file, dist/watch.js: what a process needs once it has lived for a moment, or when something is not as it
// should be. preload.js loads it then, so that start-up does not pay for it.
export { adviceOn, configProblem, kernelLimitIsLower, memoryLine, signalArrived } from './core/report-watch.ts'
export { takeSample } from './host/sampler.ts'
export { followVisibly } from './host/visible-signals.ts'
