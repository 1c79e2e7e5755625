// The examples of docs/fleet.md: run in real Node where they can run here, else held against what they speak of.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'
import { documents, type Json, load, missing, typeFaults, works } from '../deploy/checks.ts'
import { emptyFolder, GUARD, recordsIn, runNode } from '../preload/node.ts'
import { install } from '../software/installed.mjs'
import { EMF } from './emf.ts'

const page = readFileSync('docs/fleet.md', 'utf8')

/** The one block of a language that holds the word. */
function blockWith(language: string, word: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
  const found = blocks.filter(([, name, text]) => name === language && text?.includes(word))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} with ${word}`)
  return found[0]?.[2] ?? ''
}

/** Runs an app that stands beside its packages, and leaves nothing there. */
async function runApp(software: string, script: string, env: Readonly<Record<string, string>> = {}) {
  const path = join(await install(software), `fleet-${process.pid}.mjs`)
  writeFileSync(path, script)
  try {
    return await runNode({ args: [path], preload: GUARD, env: { HEAPGUARD_INTERVAL_MS: '100', ...env } })
  } finally {
    rmSync(path)
  }
}

const UNTIL_MEMORY = `
const alive = setInterval(() => {}, 1e6)
subscribe('heapguard:record', ({ event, heapUsedRatio }) => {
  if (event === 'memory') setImmediate(() => { done(heapUsedRatio); clearInterval(alive) })
})
`

t.test('pino: the memory record is in the app’s own log, with its keys', async t => {
  const { code, stdout, stderr } = await runApp(
    'pino',
    `${blockWith('js', "from 'pino'")}${UNTIL_MEMORY}function done() {}`,
  )
  t.equal(code, 0, stderr)
  const line = recordsIn(stderr).find(({ event }) => event === 'memory')
  const logged = stdout
    .trim()
    .split('\n')
    .map(text => JSON.parse(text))
    .find(({ event }) => event === 'memory')
  if (line === undefined) return t.fail(`no memory line: ${stderr}`)
  const { time: _, level: __, name: ___, ...keys } = line
  t.match(logged, { ...keys, level: 30 })
})

t.test('OpenTelemetry: the gauge has the value of the record', async t => {
  const { code, stdout, stderr } = await runApp(
    'opentelemetry-metrics',
    `import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { metrics as api } from '@opentelemetry/api'
class Reader extends MetricReader { async onForceFlush() {} async onShutdown() {} }
const reader = new Reader()
api.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
${blockWith('js', '@opentelemetry/api')}${UNTIL_MEMORY}
let isDone = false
async function done(ratio) {
  if (isDone) return
  isDone = true
  const { resourceMetrics } = await reader.collect()
  const [{ descriptor, dataPoints }] = resourceMetrics.scopeMetrics[0].metrics
  console.log(JSON.stringify([descriptor.name, dataPoints[0].value, ratio]))
}`,
  )
  t.equal(code, 0, stderr)
  const [name, value, ratio] = JSON.parse(stdout)
  t.equal(name, 'heapguard.heap.used_ratio')
  t.type(ratio, 'number')
  t.equal(value, ratio)
})

const noPromtool = works('promtool', '--version') ? false : "no promtool here (Debian's package prometheus)"
t.test(
  'Prometheus and the Collector: promtool reads their configuration',
  { skip: noPromtool || (missing ?? false) },
  async t => {
    const [collector] = documents(blockWith('yaml', 'receivers:')) as unknown as [
      { receivers: { prometheus: { config: Json } } },
    ]
    const path = join(emptyFolder(), 'prometheus.yml')
    const check = (text: string) => {
      writeFileSync(path, text)
      return spawnSync('promtool', ['check', 'config', path], { encoding: 'utf8' })
    }
    const scraped = /^scrape_configs:.*$/ms.exec(blockWith('yaml', '\n    static_configs')) ?? ['']
    for (const text of [scraped[0], JSON.stringify(collector.receivers.prometheus.config)]) {
      const { status, stdout, stderr } = check(text)
      t.equal(status, 0, stderr)
      t.match(stdout, /SUCCESS/)
    }
    t.not(check(scraped[0].replace('targets', 'target')).status, 0, 'and refuses a key that it does not know')
  },
)

/** CloudWatch's JSON patterns, as far as the page uses them: equal strings, joined by &&. */
const isMatched = (pattern: string, line: Readonly<Record<string, unknown>>): boolean =>
  pattern
    .replace(/^\{|\}$/g, '')
    .split('&&')
    .every(term => {
      const [, key, value] = /^\s*\$\.(\w+) = "([^"]*)"\s*$/.exec(term) ?? []
      if (key === undefined) throw new Error(`not understood: ${term}`)
      return line[key] === value
    })

/** The lines of a process that says what it uses every 100 ms. */
async function realLines() {
  const { stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 500)'],
    preload: GUARD,
    env: { HEAPGUARD_INTERVAL_MS: '100' },
  })
  const lines = recordsIn(stderr)
  const memory = lines.filter(({ event }) => event === 'memory')
  if (memory.length === 0 || memory.length === lines.length) throw new Error(`one kind of lines alone: ${stderr}`)
  return { lines, memory }
}

t.test('CloudWatch: the pattern takes the memory lines alone, and each has the value', async t => {
  const { filterPattern, metricTransformations } = JSON.parse(blockWith('json', 'filterPattern'))
  const { lines, memory } = await realLines()
  t.strictSame(
    lines.filter(line => isMatched(filterPattern, line)),
    memory,
  )
  const [, key = ''] = /^\$\.(\w+)$/.exec(metricTransformations[0].metricValue) ?? []
  for (const line of memory) t.type(line[key], 'number')
  t.notOk(isMatched(filterPattern, { name: 'another', event: 'memory' }))
})

t.test('CloudWatch: the SDK’s types take the filter', { skip: missing ?? false }, async t => {
  const imports = "import type { PutMetricFilterCommandInput } from '@aws-sdk/client-cloudwatch-logs'"
  const filter = JSON.parse(blockWith('json', 'filterPattern'))
  t.strictSame(typeFaults(imports, 'PutMetricFilterCommandInput', filter), [])
  t.match(typeFaults(imports, 'PutMetricFilterCommandInput', { ...filter, pattern: '' }), [/pattern/])
})

t.test(
  'CloudWatch: AWS’ library writes the value of the record, in its format',
  { skip: missing ?? false },
  async t => {
    const { code, stdout, stderr } = await runApp(
      'aws-embedded-metrics',
      `${blockWith('js', 'aws-embedded-metrics')}${UNTIL_MEMORY}function done() {}`,
      { AWS_EMF_ENVIRONMENT: 'Local' },
    )
    t.equal(code, 0, stderr)
    const Ajv = load('ajv').default
    const isValid = new Ajv().compile(EMF)
    const written = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    for (const document of written) {
      t.ok(isValid(document), JSON.stringify(isValid.errors))
      for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
        for (const name of Dimensions.flat()) t.type(document[name], 'string', name)
        for (const { Name } of Metrics) t.type(document[Name], 'number', Name)
      }
    }
    t.notOk(isValid({ _aws: { Timestamp: 1, CloudWatchMetrics: [{ Namespace: 'x', Metrics: [{ Name: 'x' }] }] } }))
    t.match(written[0]._aws.CloudWatchMetrics, [{ Namespace: 'heapguard', Metrics: [{ Unit: 'Percent' }] }])
    const line = recordsIn(stderr).find(({ event }) => event === 'memory')
    t.equal(written[0].HeapUsedPercent, 100 * (line?.heapUsedRatio as number))
  },
)

t.test('Datadog: each metric of the list is one of the guard’s', async t => {
  const names = [...blockWith('yaml', 'openmetrics_endpoint').matchAll(/^ {6}- (\w+)$/gm)].map(([, name = '']) => name)
  t.equal(names.length, 3)
  for (const name of names)
    t.ok(
      METRICS.some(metric => metric.name === name),
      name,
    )
})

t.test('Datadog: its client reads the metric of the lines, and the lines have what it asks for', async t => {
  const { data } = JSON.parse(blockWith('json', 'logs_metrics'))
  const require = createRequire(join(await install('datadog-api-client'), 'package.json'))
  const models = '@datadog/datadog-api-client/dist/packages/datadog-api-client-v2/models'
  const { ObjectSerializer } = require(`${models}/ObjectSerializer`)
  const type = 'LogsMetricCreateRequest'
  const throughClient = (body: object): object =>
    ObjectSerializer.serialize(ObjectSerializer.deserialize(body, type), type, '')
  t.strictSame(throughClient({ data }), { data })
  const { compute } = data.attributes
  const typo = { ...data, attributes: { ...data.attributes, compute: { ...compute, aggregation_type: 'average' } } }
  t.ok(ObjectSerializer.deserialize({ data: typo }, type).data._unparsed, 'a word that is not its own')
  t.throws(() => throughClient({ data: { ...data, id: undefined } }), /id/, 'and one that is missing')

  const asked = [...data.attributes.filter.query.matchAll(/@(\w+):(\w+)/g)]
  t.equal(asked.length, 2)
  const { lines, memory } = await realLines()
  t.strictSame(
    lines.filter(line => asked.every(([, key = '', value]) => line[key] === value)),
    memory,
  )
  for (const line of memory) t.type(line[compute.path.slice(1)], 'number')
})
