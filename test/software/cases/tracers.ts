// Tracers that hook the loader, before the guard and after it.
import type { Software } from '../case.ts'

const app = `const server = require('express')().get('/', (_, response) => response.send('hello')).listen(0, '127.0.0.1', async () => {
    const answer = await fetch('http://127.0.0.1:' + server.address().port, { headers: { connection: 'close' } })
    console.log(answer.status, await answer.text())
    process.on('SIGTERM', () => { console.log('got'); server.close(() => process.exit(3)) })
    setTimeout(() => ready(), 300)
  })`
const both = (folder: string, tracer: string, env: Record<string, string>): Record<string, Software> =>
  Object.fromEntries(
    [
      ['before the guard', (preload: string) => `--require ${tracer} --require ${preload}`],
      ['after the guard', (preload: string) => `--require ${preload} --require ${tracer}`],
    ].map(([where, nodeOptions]) => [
      `${folder} ${where}`,
      {
        folder,
        script: app,
        as: 'app.cjs',
        env,
        nodeOptions: nodeOptions as (preload: string) => string,
        steps: ['wait for ready', 'SIGTERM'],
        want: { code: 3, stdout: '200 hello\nready\ngot\n' },
      } satisfies Software,
    ]),
  )

export const tracers: Readonly<Record<string, Software>> = {
  ...both('dd-trace', 'dd-trace/init', {
    DD_TRACE_AGENT_PORT: '1',
    DD_REMOTE_CONFIGURATION_ENABLED: 'false',
    DD_TRACE_STARTUP_LOGS: 'false',
    DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
    DD_PROFILING_ENABLED: 'true',
    DD_RUNTIME_METRICS_ENABLED: 'true',
  }),
  ...both('opentelemetry', '@opentelemetry/auto-instrumentations-node/register', {
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
    OTEL_SDK_DISABLED: 'false',
  }),
}
