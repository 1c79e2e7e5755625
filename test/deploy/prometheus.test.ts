// Alert rules and dashboard: Prometheus' own tool reads each expression, and each metric is one that the guard has.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'
import { baseImage, docker, root, start, whyNoDocker } from '../container/docker.ts'
import { emptyFolder } from '../preload/node.ts'
import { missing as missingCommand, startPrometheus } from '../preload/prometheus.ts'
import { documents, missing, readJson, typeFaults, works } from './checks.ts'

const noPromtool = works('promtool', '--version') ? undefined : "no promtool here (Debian's package prometheus)"
const RULES = 'deploy/prometheus/heapguard.rules.yaml'
const RULE_TESTS = 'deploy/prometheus/heapguard.rules.test.yaml'
const DASHBOARD = 'deploy/grafana/heapguard.json'

const NAMES = new Set(METRICS.map(({ name }) => name))
const NOT_LABELS = /\{[^}]*\}|"[^"]*"|\b(on|by|group_left)\s*\([^)]*\)/g
const metricsIn = (expression: string): readonly string[] =>
  expression.replace(NOT_LABELS, ' ').match(/\b(heapguard|nodejs|process)_[a-z_]+/g) ?? []

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook: string }
}
const rules = (): readonly Rule[] =>
  (documents(readFileSync(RULES, 'utf8')) as unknown as { groups: { rules: Rule[] }[] }[])[0]?.groups.flatMap(
    group => group.rules,
  ) ?? []

t.test('promtool takes the rules, and its unit tests of them pass', { skip: noPromtool ?? false }, async t => {
  t.match(execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' }), /SUCCESS: \d+ rules found/)
  t.match(execFileSync('promtool', ['test', 'rules', RULE_TESTS], { encoding: 'utf8' }), /SUCCESS/)
})

t.test(
  'each alert has a metric of ours, a severity, a test on both sides, and its place',
  { skip: missing ?? false },
  async t => {
    const tests = readFileSync(RULE_TESTS, 'utf8')
    for (const { alert, expr, labels, annotations } of rules()) {
      const metrics = metricsIn(expr)
      t.ok(metrics.length > 0, `${alert}: ${metrics}`)
      for (const metric of metrics) t.ok(NAMES.has(metric), `${alert}: ${metric}`)
      t.match(labels.severity, /^(critical|warning|info)$/)
      t.ok(annotations.summary.startsWith('{{ $labels.instance }}: '))
      const named = [...tests.matchAll(new RegExp(`alertname: ${alert}\\n( +exp_alerts:)?`, 'g'))]
      t.ok(named.some(([, fires]) => fires !== undefined) && named.some(([, fires]) => fires === undefined), alert)
      const [page = '', anchor = ''] = annotations.runbook.split('#')
      t.ok(existsSync(page), page)
      const anchors = [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replace(/ /g, '-'),
      )
      t.ok(anchors.includes(anchor), annotations.runbook)
    }
  },
)

interface Panel {
  readonly id: number
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly { readonly expr: string; readonly refId: string }[]
}
interface Variable {
  readonly name: string
  readonly type: string
  readonly definition?: string
}

const dashboard = readJson(DASHBOARD) as unknown as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: { readonly list: readonly { readonly target: { readonly expr: string } }[] }
}
const expressions = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.annotations.list.map(({ target }) => ['annotation', target.expr] as const),
]

t.test('each expression of the dashboard asks for metrics of ours, and of chosen jobs and instances', async t => {
  for (const [title, expr] of expressions) {
    const metrics = metricsIn(expr)
    t.ok(metrics.length > 0, title)
    for (const metric of metrics) t.ok(NAMES.has(metric), `${title}: ${metric}`)
    t.match(expr, /\{job=~"\$job", instance=~"\$instance"/)
  }
  for (const { name, definition } of dashboard.templating.list.filter(({ type }) => type === 'query'))
    for (const metric of metricsIn(definition ?? '')) t.ok(NAMES.has(metric), `${name}: ${metric}`)
  const variables = dashboard.templating.list.map(({ name }) => name)
  const used = [...JSON.stringify(dashboard).matchAll(/\$\{?([a-z]+)\b/g)].map(([, name]) => name)
  t.strictSame(new Set(used.filter(name => name !== '__all')), new Set(variables))
})

t.test('Prometheus reads each of them', { skip: noPromtool ?? false }, async t => {
  const path = join(emptyFolder(), 'expressions.yaml')
  const list = expressions.map(([, expr], at) => {
    const asked = expr.replaceAll('$job', '.*').replaceAll('$instance', '.*')
    return `      - record: expression_${at}\n        expr: ${JSON.stringify(asked)}\n`
  })
  writeFileSync(path, `groups:\n  - name: dashboard\n    rules:\n${list.join('')}`)
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', path], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.match(stdout, `SUCCESS: ${expressions.length} rules found`)
})

const GROWS = `
const kept = []
setInterval(() => kept.push(Buffer.alloc(1e6, 1)), 200)`

t.test(
  'a Prometheus that scrapes a container has an answer for each panel, and takes each alert',
  { skip: (await whyNoDocker()) ?? (missingCommand('prometheus') || (missing ?? false)) },
  async t => {
    const container = await start(t, baseImage('24'), {
      command: ['node', '-e', GROWS],
      args: [
        ...['-m', '512m', '-v', `${join(root, 'dist')}:/opt/heapguard:ro`, '--publish', '127.0.0.1::9464'],
        ...['-e', 'HEAPGUARD_METRICS=0.0.0.0:9464', '-e', 'HEAPGUARD_PULSE_MS=200'],
        ...['-e', 'NODE_OPTIONS=--max-old-space-size=384 --require /opt/heapguard/preload.js'],
      ],
    })
    const [, port] = /:(\d+)$/m.exec(await docker('port', container.id, '9464')) ?? []
    const { first, query } = await startPrometheus(t, Number(port))
    t.match((await first('heapguard_seconds_to_limit')).metric, { resource: 'container', job: 'apps' })
    const mayBeEmpty = new Set(['annotation'])
    for (const [title, expr] of expressions) {
      const answer = await query(expr.replaceAll('$job', '.*').replaceAll('$instance', '.*'))
      t.ok(answer.length > 0 || mayBeEmpty.has(title), `${title}: ${expr}`)
    }
    for (const { alert, expr } of rules()) t.ok(Array.isArray(await query(expr)), alert)
    await t.rejects(query('heapguard_heap_used_ratio{'), 'and refuses what is no expression')
    t.strictSame(await query('heapguard_no_such_metric'), [], 'and has nothing for a metric that is none')
  },
)

const GRAFANA = `import type { Dashboard } from '@grafana/schema'
type Written<T> = T extends string ? \`\${T}\` : T extends readonly (infer U)[] ? Written<U>[] : T extends object ? { [K in keyof T]: Written<T[K]> } : T`

t.test(
  "Grafana's types take the dashboard, but for what is its data source's own",
  { skip: missing ?? false },
  async t => {
    const others = new Set(['expr', 'definition', 'current', 'titleFormat', 'textFormat'])
    const text = JSON.stringify(dashboard, (key, value) => (others.has(key) ? undefined : value))
    const faults = (of: string) => typeFaults(GRAFANA, 'Written<Dashboard>', JSON.parse(of))
    t.strictSame(faults(text), [])
    t.match(faults(text.replace('"tags"', '"tag"')), [/"tag"/], 'no key that it does not know')
    t.match(faults(text.replace('"mode":"absolute"', '"mode":"absolut"')), [/absolut/], 'nor such a word')
  },
)

t.test('no panel lies on another, each has its own number and says what it shows', async t => {
  const cells = new Set<string>()
  for (const { title, description, gridPos } of dashboard.panels) {
    t.ok(description, title)
    t.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (cells.has(`${x} ${y}`)) t.fail(`${title} covers another`)
        cells.add(`${x} ${y}`)
      }
  }
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
})
