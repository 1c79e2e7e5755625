// An app that does nothing: its CPU time from two seconds after the start to the end, as one JSON line.
const { cpuUsage, hrtime } = process
const WARM_UP_MS = 2000

setTimeout(() => {
  const began = hrtime.bigint()
  const before = cpuUsage()
  setTimeout(() => {
    const { user, system } = cpuUsage(before)
    const ms = Number(hrtime.bigint() - began) / 1e6
    console.log(JSON.stringify({ last: true, ms, cpuUs: user + system }))
    process.exit()
  }, Number(process.env.BENCH_MS) - WARM_UP_MS)
}, WARM_UP_MS)
