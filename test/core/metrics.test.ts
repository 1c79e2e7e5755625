import t from 'tap'
import { budgetOf } from '../../preload/core/budget.ts'
import { METRICS, type MetricFacts } from '../../preload/core/metrics.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'

const FACTS: MetricFacts = {
  sample: {
    memory: { rss: bytes(100), heapTotal: bytes(50), heapUsed: bytes(40), external: bytes(9), arrayBuffers: bytes(8) },
    heapLimitBytes: mbToBytes(387),
    oldSpaceBytes: bytes(30),
    oldCapacityBytes: bytes(45),
    majorCollections: 0,
    container: { usageBytes: mbToBytes(300), workingSetBytes: mbToBytes(128) },
    uptimeMs: millis(5000),
  },
  budget: budgetOf({
    heapLimitBytes: mbToBytes(387),
    oldSpaceLimit: {
      kind: 'set',
      limitBytes: mbToBytes(384),
      source: 'flag',
      text: '--max-old-space-size=384',
      from: 'NODE_OPTIONS',
    },
    kernelLimit: {
      kind: 'limited',
      limitBytes: mbToBytes(512),
      source: 'cgroup-v2',
      path: '/sys/fs/cgroup/memory.max',
      confidence: 'high',
    },
    operatorMB: undefined,
    nodeSeesBytes: undefined,
  }),
  verdict: 'fits',
  rungs: { heap: undefined, container: 'critical' },
  timeLeft: { container: millis(2500) },
  spaces: [
    { space_name: 'new_space', space_size: 3, space_used_size: 2, space_available_size: 1 },
    { space_name: 'new_large_object_space', space_size: 6, space_used_size: 5, space_available_size: 4 },
  ],
  oomKills: 2,
  droppedLines: 0,
  version: '0.1.0',
  nodeVersion: 'v24.21.0',
  startedAtMs: millis(1_700_000_000_400),
}

const NO_LIMIT: MetricFacts = {
  ...FACTS,
  sample: { ...FACTS.sample, container: {} },
  oomKills: undefined,
  budget: budgetOf({
    heapLimitBytes: mbToBytes(2144),
    oldSpaceLimit: { kind: 'none' },
    kernelLimit: { kind: 'unknown', reason: 'no such file' },
    operatorMB: undefined,
    nodeSeesBytes: undefined,
  }),
  verdict: 'exceeds',
  rungs: { heap: 'warn' },
  timeLeft: {},
}

const read = (name: string, facts: MetricFacts) =>
  METRICS.find(metric => metric.name === name)
    ?.read(facts)
    .filter(([value]) => value !== undefined)

for (const [name, want, without] of [
  ['process_resident_memory_bytes', [[100]], [[100]]],
  ['process_start_time_seconds', [[1_700_000_000]], [[1_700_000_000]]],
  ['nodejs_heap_size_total_bytes', [[50]], [[50]]],
  ['nodejs_heap_size_used_bytes', [[40]], [[40]]],
  ['nodejs_external_memory_bytes', [[9]], [[9]]],
  [
    'nodejs_heap_space_size_total_bytes',
    [
      [3, { space: 'new' }],
      [6, { space: 'new_large_object' }],
    ],
    undefined,
  ],
  [
    'nodejs_heap_space_size_used_bytes',
    [
      [2, { space: 'new' }],
      [5, { space: 'new_large_object' }],
    ],
    undefined,
  ],
  [
    'nodejs_heap_space_size_available_bytes',
    [
      [1, { space: 'new' }],
      [4, { space: 'new_large_object' }],
    ],
    undefined,
  ],
  ['nodejs_version_info', [[1, { version: 'v24.21.0', major: '24', minor: '21', patch: '0' }]], undefined],
  [
    'heapguard_info',
    [[1, { version: '0.1.0', ceiling_source: 'flag', container_source: 'cgroup-v2' }]],
    [[1, { version: '0.1.0', ceiling_source: 'heap-size-limit', container_source: 'default' }]],
  ],
  ['heapguard_verdict', [[1, { verdict: 'fits' }]], []],
  ['heapguard_heap_ceiling_bytes', [[402_653_184]], [[mbToBytes(2144)]]],
  ['heapguard_heap_limit_bytes', [[405_798_912]], [[mbToBytes(2144)]]],
  ['heapguard_heap_used_ratio', [[40 / 402_653_184]], [[40 / mbToBytes(2144)]]],
  ['heapguard_array_buffers_bytes', [[8]], [[8]]],
  ['heapguard_container_limit_bytes', [[536_870_912]], []],
  ['heapguard_container_usage_bytes', [[mbToBytes(300)]], []],
  ['heapguard_container_working_set_bytes', [[mbToBytes(128)]], []],
  ['heapguard_container_ratio', [[0.25]], []],
  [
    'heapguard_pressure',
    [
      [0, { resource: 'heap' }],
      [2, { resource: 'container' }],
    ],
    [[1, { resource: 'heap' }]],
  ],
  ['heapguard_seconds_to_limit', [[2.5, { resource: 'container' }]], []],
  ['heapguard_oom_kills_total', [[2]], []],
  ['heapguard_dropped_lines_total', [[0]], [[0]]],
] as const)
  t.test(`${name}: with a limit, and where none is known`, async t => {
    t.strictSame(read(name, FACTS), want)
    t.strictSame(read(name, NO_LIMIT), without ?? want)
  })

t.test('the tests above know every row', async t => t.equal(METRICS.length, 23))

for (const [name, container, want] of [
  ['usage where there is no working set', { usageBytes: mbToBytes(256) }, 0.5],
  ['RSS where the usage cannot be read', {}, 100 / 536_870_912],
] as const)
  t.test(`the container's ratio: ${name}`, async t =>
    t.strictSame(read('heapguard_container_ratio', { ...FACTS, sample: { ...FACTS.sample, container } }), [[want]]),
  )

t.test('an operator’s number is a limit too, and is judged', async t => {
  const budget = { ...NO_LIMIT.budget, container: { bytes: mbToBytes(1024), source: 'env' } as const }
  t.strictSame(read('heapguard_container_limit_bytes', { ...NO_LIMIT, budget }), [[mbToBytes(1024)]])
  t.strictSame(read('heapguard_verdict', { ...NO_LIMIT, budget }), [[1, { verdict: 'exceeds' }]])
})

t.test('a container of nothing has no ratio', async t => {
  const budget = { ...FACTS.budget, container: { bytes: bytes(0), source: 'env' } as const }
  t.strictSame(read('heapguard_container_ratio', { ...FACTS, budget }), [])
})

t.test('names and units as Prometheus has them', async t => {
  const names = METRICS.map(({ name }) => name)
  t.equal(new Set(names).size, names.length, 'each once')
  for (const { name, type, unit, help, from } of METRICS) {
    t.match(name, /^(process|nodejs|heapguard)_[a-z_]+[a-z]$/)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: _total is a counter's ending, and no other's`)
    if (unit !== 'none') t.match(name, name.includes('seconds_to_limit') ? /_seconds_/ : new RegExp(`_${unit}$`))
    t.match(help, /^.+\.$/, name)
    t.ok(from.length > 0, name)
  }
})
