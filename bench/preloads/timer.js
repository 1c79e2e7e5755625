// An empty unref'd timer: what looking at nothing costs.
setInterval(() => {}, Number(process.env.BENCH_TIMER_MS ?? 1000)).unref()
