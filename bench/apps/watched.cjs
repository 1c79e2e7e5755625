// An app that does nothing and tells what it weighs: one JSON line at once, then one each BENCH_REPORT_MS, for BENCH_MS.
const { memoryUsage, cpuUsage, hrtime } = process
const reportMs = Number(process.env.BENCH_REPORT_MS ?? 1000)
const lastMs = Number(process.env.BENCH_MS ?? 1000)
// What it holds: heap that brings the process near a limit.
globalThis.held = Array.from({ length: Number(process.env.BENCH_HOLD_MB ?? 0) }, () => new Array(131_072).fill(1.5))
const began = hrtime.bigint()
const cpuAtStart = cpuUsage()

function report(key) {
  // Garbage that waits for its collection is not growth.
  globalThis.gc?.()
  const { rss, heapUsed } = memoryUsage()
  const { user, system } = cpuUsage(cpuAtStart)
  const ms = Number(hrtime.bigint() - began) / 1e6
  console.log(JSON.stringify({ [key]: true, ms, rss, heapUsed, cpuUs: user + system }))
}

report('started')
const timer = reportMs > 0 ? setInterval(() => report('sample'), reportMs) : undefined
setTimeout(() => {
  clearInterval(timer)
  report('last')
  process.exit()
}, lastMs)
