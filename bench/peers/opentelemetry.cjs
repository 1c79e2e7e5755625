// @opentelemetry/instrumentation-runtime-node, as its README says, with the metrics SDK and a reader that exports each
// minute to nowhere: what an exporter would add is not its cost.
const { createRequire } = require('node:module')
const load = createRequire(`${process.env.BENCH_MODULES}/package.json`)
const { RuntimeNodeInstrumentation } = load('@opentelemetry/instrumentation-runtime-node')
const { registerInstrumentations } = load('@opentelemetry/instrumentation')
const sdk = load('@opentelemetry/sdk-metrics')
const exporter = new sdk.InMemoryMetricExporter(sdk.AggregationTemporality.CUMULATIVE)
const reader = new sdk.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
const meterProvider = new sdk.MeterProvider({ readers: [reader] })
load('@opentelemetry/api').metrics.setGlobalMeterProvider(meterProvider)
registerInstrumentations({
  meterProvider,
  instrumentations: [new RuntimeNodeInstrumentation({ monitoringPrecision: 5000 })],
})
