// dd-trace with runtime metrics, as its documents say: `--require dd-trace/init` with DD_RUNTIME_METRICS_ENABLED.
const { createRequire } = require('node:module')
createRequire(`${process.env.BENCH_MODULES}/package.json`)('dd-trace/init')
