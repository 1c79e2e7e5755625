// What Prometheus is told: one row a metric. The names that dashboards know are prom-client's, help texts included, so
// that an app which serves its own beside these says the same thing.
import { type HeapBudget, leastKnownLimit } from './budget.ts'
import type { Resource, Rung } from './ladder.ts'
import type { Sample } from './sample.ts'
import { type Bytes, type Millis, millisToSeconds } from './units.ts'

/** All that a scrape is answered from: one whole sample and what the watch knows. */
export interface MetricFacts {
  readonly sample: Sample
  readonly budget: HeapBudget
  /** How the heap's limit stands to the container now: fits, exceeds, tight, low. */
  readonly verdict: string
  /** The rung of each resource that is judged; undefined in it: none is reached. */
  readonly rungs: Readonly<Partial<Record<Resource, Rung | undefined>>>
  /** Until the limit is reached; a resource that does not rise steadily is absent. */
  readonly timeLeft: Readonly<Partial<Record<Resource, Millis | undefined>>>
  readonly spaces: readonly HeapSpace[]
  /** Processes of the container that the kernel has killed; undefined: it does not say. */
  readonly oomKills: number | undefined
  readonly droppedLines: number
  /** The guard's version. */
  readonly version: string
  /** process.version. */
  readonly nodeVersion: string
  /** Since the Unix epoch. */
  readonly startedAtMs: Millis
}

/** One of V8's spaces, as v8.getHeapSpaceStatistics() has it; in bytes. */
export interface HeapSpace {
  readonly space_name: string
  readonly space_size: number
  readonly space_used_size: number
  readonly space_available_size: number
}

export type Labels = Readonly<Record<string, string>>

/** A value; undefined: not known, so not said. */
export type Reading = readonly [value: number | undefined, labels?: Labels]

export interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  /** none: a count, a state or a label holder. */
  readonly unit: 'bytes' | 'seconds' | 'ratio' | 'none'
  readonly help: string
  /** Where the value comes from. */
  readonly from: string
  readonly read: (facts: MetricFacts) => readonly Reading[]
}

const RESOURCES: readonly Resource[] = ['heap', 'container']
const PRESSURE: Readonly<Record<Rung, number>> = { warn: 1, critical: 2 }

const gauge = (
  name: string,
  unit: Metric['unit'],
  help: string,
  from: string,
  read: (facts: MetricFacts) => number | undefined,
): Metric => ({ name, type: 'gauge', unit, help, from, read: facts => [[read(facts)]] })

const ofSpaces = (
  name: string,
  help: string,
  key: 'space_size' | 'space_used_size' | 'space_available_size',
): Metric => ({
  name,
  type: 'gauge',
  unit: 'bytes',
  help,
  from: `v8.getHeapSpaceStatistics(): ${key}; label space`,
  read: ({ spaces }) => spaces.map(space => [space[key], { space: space.space_name.replace(/_space$/, '') }]),
})

/** Every metric, in the order in which they are written. */
export const METRICS: readonly Metric[] = [
  gauge(
    'process_resident_memory_bytes',
    'bytes',
    'Resident memory size in bytes.',
    'process.memoryUsage().rss',
    ({ sample }) => sample.memory.rss,
  ),
  gauge(
    'process_start_time_seconds',
    'seconds',
    'Start time of the process since unix epoch in seconds.',
    'the clock less process.uptime()',
    ({ startedAtMs }) => Math.round(millisToSeconds(startedAtMs)),
  ),
  gauge(
    'nodejs_heap_size_total_bytes',
    'bytes',
    'Process heap size from Node.js in bytes.',
    'process.memoryUsage().heapTotal',
    ({ sample }) => sample.memory.heapTotal,
  ),
  gauge(
    'nodejs_heap_size_used_bytes',
    'bytes',
    'Process heap size used from Node.js in bytes.',
    'process.memoryUsage().heapUsed',
    ({ sample }) => sample.memory.heapUsed,
  ),
  gauge(
    'nodejs_external_memory_bytes',
    'bytes',
    'Node.js external memory size in bytes.',
    'process.memoryUsage().external',
    ({ sample }) => sample.memory.external,
  ),
  ofSpaces('nodejs_heap_space_size_total_bytes', 'Process heap space size total from Node.js in bytes.', 'space_size'),
  ofSpaces(
    'nodejs_heap_space_size_used_bytes',
    'Process heap space size used from Node.js in bytes.',
    'space_used_size',
  ),
  ofSpaces(
    'nodejs_heap_space_size_available_bytes',
    'Process heap space size available from Node.js in bytes.',
    'space_available_size',
  ),
  {
    name: 'nodejs_version_info',
    type: 'gauge',
    unit: 'none',
    help: 'Node.js version info.',
    from: 'process.version; labels version, major, minor, patch',
    read: ({ nodeVersion }) => {
      const [major = '', minor = '', patch = ''] = nodeVersion.slice(1).split('.')
      return [[1, { version: nodeVersion, major, minor, patch }]]
    },
  },
  {
    name: 'heapguard_info',
    type: 'gauge',
    unit: 'none',
    help: 'Always 1; the guard and where its two limits come from.',
    from: 'the boot line; labels version, ceiling_source, container_source',
    read: ({ version, budget: { ceiling, container } }) => [
      [1, { version, ceiling_source: ceiling.source, container_source: container.source }],
    ],
  },
  {
    name: 'heapguard_verdict',
    type: 'gauge',
    unit: 'none',
    help: "1 for how V8's heap limit stands to the container's memory: fits, exceeds, tight or low.",
    from: 'the boot line, judged again when the limit moves; label verdict; absent where the container is assumed',
    read: ({ verdict, budget }) => (budget.container.source === 'default' ? [] : [[1, { verdict }]]),
  },
  gauge(
    'heapguard_heap_ceiling_bytes',
    'bytes',
    'Where V8 gives up: the limit of its old space.',
    "heapCeilingMB: the flags in force, else V8's heap_size_limit",
    ({ budget }) => budget.ceiling.bytes,
  ),
  gauge(
    'heapguard_heap_limit_bytes',
    'bytes',
    "V8's heap_size_limit: old space and young generation together.",
    'heapLimitMB: v8.getHeapStatistics()',
    ({ budget }) => budget.heapLimitBytes,
  ),
  gauge(
    'heapguard_heap_used_ratio',
    'ratio',
    'Used heap as a share of the ceiling, garbage included.',
    'heapUsedRatio: heap used / ceiling',
    ({ sample, budget }) => share(sample.memory.heapUsed, budget.ceiling.bytes),
  ),
  gauge(
    'heapguard_array_buffers_bytes',
    'bytes',
    'Memory of ArrayBuffers and Buffers, a part of the external memory.',
    'arrayBuffersMB: process.memoryUsage().arrayBuffers',
    ({ sample }) => sample.memory.arrayBuffers,
  ),
  gauge(
    'heapguard_container_limit_bytes',
    'bytes',
    "The container's memory limit, the least that is known; absent where none is.",
    "containerMemoryMB of the memory line: the kernel's limit or CONTAINER_MEMORY_MB, never an assumed one",
    ({ budget }) => leastKnownLimit(budget),
  ),
  gauge(
    'heapguard_container_usage_bytes',
    'bytes',
    'Memory charged to the container, page cache included.',
    'containerUsageMB: memory.current, memory.usage_in_bytes',
    ({ sample }) => sample.container.usageBytes,
  ),
  gauge(
    'heapguard_container_working_set_bytes',
    'bytes',
    'Usage less inactive file pages, what the kubelet evicts on.',
    'containerWorkingSetMB: usage less inactive_file of memory.stat',
    ({ sample }) => sample.container.workingSetBytes,
  ),
  gauge(
    'heapguard_container_ratio',
    'ratio',
    "Working set as a share of the container's limit.",
    'containerRatio: working set (else usage, else RSS) / limit; absent where no limit is known',
    ({ sample: { container, memory }, budget }) =>
      share(container.workingSetBytes ?? container.usageBytes ?? memory.rss, leastKnownLimit(budget)),
  ),
  {
    name: 'heapguard_pressure',
    type: 'gauge',
    unit: 'none',
    help: 'Rung that a resource is on: 0 none, 1 warn, 2 critical.',
    from: 'the pressure records; label resource (heap, container; container is absent where no limit is known)',
    read: ({ rungs }) =>
      RESOURCES.filter(resource => resource in rungs).map(resource => {
        const rung = rungs[resource]
        return [rung === undefined ? 0 : PRESSURE[rung], { resource }]
      }),
  },
  {
    name: 'heapguard_seconds_to_limit',
    type: 'gauge',
    unit: 'seconds',
    help: 'Time until a resource is full at its growth; absent while it does not rise steadily.',
    from: 'secondsToLimit; label resource (heap, container)',
    read: ({ timeLeft }) =>
      RESOURCES.map(resource => {
        const left = timeLeft[resource]
        return [left === undefined ? undefined : millisToSeconds(left), { resource }]
      }),
  },
  {
    name: 'heapguard_oom_kills_total',
    type: 'counter',
    unit: 'none',
    help: 'Processes of the container that the kernel killed for want of memory since the container began.',
    from: "the group's own oom_kill counter, and how far another's rises where the limit moves to it; absent where the kernel gives none",
    read: ({ oomKills }) => [[oomKills]],
  },
  {
    name: 'heapguard_dropped_lines_total',
    type: 'counter',
    unit: 'none',
    help: 'Log lines of the guard that could not be written.',
    from: 'droppedLines',
    read: ({ droppedLines }) => [[droppedLines]],
  },
]

const share = (part: Bytes, whole: Bytes | undefined): number | undefined =>
  whole === undefined || whole === 0 ? undefined : part / whole
