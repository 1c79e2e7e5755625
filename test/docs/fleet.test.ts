// The examples of docs/fleet.md: run in real Node where they can run here, else held against what they speak of.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'
import { GUARD, recordsIn, runNode } from '../preload/node.ts'
import { install } from '../software/installed.mjs'

const page = readFileSync('docs/fleet.md', 'utf8')

/** The one block of a language that holds the word. */
function blockWith(language: string, word: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
  const found = blocks.filter(([, name, text]) => name === language && text?.includes(word))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} with ${word}`)
  return found[0]?.[2] ?? ''
}

async function runApp(software: 'pino' | 'opentelemetry-metrics', script: string) {
  const path = join(await install(software), `fleet-${process.pid}.mjs`)
  writeFileSync(path, script)
  return runNode({ args: [path], preload: GUARD, env: { HEAPGUARD_INTERVAL_MS: '100' } })
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

t.test('CloudWatch: the pattern takes the memory lines alone, and each has the value', async t => {
  const pattern = blockWith('cloudwatch', '$.event').trim()
  const { stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 500)'],
    preload: GUARD,
    env: { HEAPGUARD_INTERVAL_MS: '100' },
  })
  const lines = recordsIn(stderr)
  const taken = lines.filter(line => isMatched(pattern, line))
  t.ok(taken.length > 0 && taken.length < lines.length)
  t.strictSame(
    taken,
    lines.filter(({ event }) => event === 'memory'),
  )
  for (const { heapUsedRatio } of taken) t.type(heapUsedRatio, 'number')
  t.notOk(isMatched(pattern, { name: 'another', event: 'memory' }))
})

t.test('Datadog: each metric of the list is one of the guard’s', async t => {
  const names = [...blockWith('yaml', 'openmetrics_endpoint').matchAll(/^ {6}- (\w+)$/gm)].map(([, name = '']) => name)
  t.equal(names.length, 3)
  for (const name of names)
    t.ok(
      METRICS.some(metric => metric.name === name),
      name,
    )
})
