// A file of its own, dist/watchdog.js, where HEAPGUARD_WATCHDOG asks for it: compiled in the main thread for its first half,
// and run in the thread for its second.
export { startThread } from './start.ts'
export { watch } from './thread.ts'
