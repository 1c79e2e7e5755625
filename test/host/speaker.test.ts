// What is said and left when a rung is reached, and when a climb is over.
import t from 'tap'
import { budgetOf } from '../../preload/core/budget.ts'
import { lookAt } from '../../preload/core/cause.ts'
import { ladderOf, type Resource, type Rung } from '../../preload/core/ladder.ts'
import type { Entry } from '../../preload/core/record.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import type { Evidence } from '../../preload/evidence/open.ts'
import type { Host } from '../../preload/host/host.ts'
import type { Bounds } from '../../preload/watch/bounds.ts'
import type { Company } from '../../preload/watch/company.ts'
import { type Moment, openSpeaker } from '../../preload/watch/speaker.ts'

const LIMITS = {
  ceilingBytes: mbToBytes(300),
  containerBytes: mbToBytes(600),
  warnPercent: 85,
  criticalPercent: 95,
}

/** A process of a small heap, whose other memory has grown to so many MB. */
const sampleOf = (heldMB: number): Sample => ({
  memory: {
    rss: mbToBytes(heldMB),
    heapTotal: mbToBytes(30),
    heapUsed: mbToBytes(20),
    external: bytes(0),
    arrayBuffers: bytes(0),
  },
  heapLimitBytes: mbToBytes(310),
  oldSpaceBytes: mbToBytes(20),
  oldCapacityBytes: mbToBytes(30),
  majorCollections: 0,
  container: { usageBytes: mbToBytes(heldMB) },
  uptimeMs: millis(60_000),
})

function momentOf(rungs: Partial<Record<Resource, Rung>>, heldMB = 560): Moment {
  const before = { ...sampleOf(80), uptimeMs: millis(1000) }
  const sample = sampleOf(heldMB)
  const state = ladderOf(LIMITS)
  return {
    sample,
    state: {
      ...state,
      heap: { ...state.heap, rung: rungs.heap },
      container: { ...state.container, rung: rungs.container },
    },
    history: [lookAt(before, before.uptimeMs), lookAt(sample, sample.uptimeMs)],
    lateMs: millis(0),
  }
}

/** A speaker in a process of so many threads, and all that it says and does. */
function speakerOf({
  threads = 7,
  ownThreads = 0,
  variables = {},
}: {
  readonly threads?: number
  readonly ownThreads?: number
  readonly variables?: Readonly<Record<string, string>>
} = {}) {
  const said: Entry[] = []
  const did: string[] = []
  const budget = budgetOf({
    heapLimitBytes: mbToBytes(310),
    oldSpaceLimit: { kind: 'none' },
    kernelLimit: { kind: 'unlimited', reason: 'no file says one' },
    operatorMB: 600,
    nodeSeesBytes: mbToBytes(600),
  })
  const speaker = openSpeaker({
    host: {
      pid: 7,
      isoTime: () => '2026-01-02T03:04:05.678Z',
      readVariable: (name: string) => variables[name],
      readText: () => `Name:\tnode\nThreads:\t${threads}\n`,
    } as unknown as Host,
    log: { say: entry => void said.push(entry), droppedLines: () => 0 },
    bounds: { budget: () => budget, limitBytes: () => mbToBytes(600) } as Bounds,
    company: { largest: () => undefined } as unknown as Company,
    evidence: {
      report: on => void did.push(`report ${on}`),
      isSampling: () => false,
      suspects: () => [],
      lastWords: () => void did.push('last words'),
      clearLastWords: () => void did.push('last words cleared'),
      snapshot: () => void did.push('snapshot'),
    } as Partial<Evidence> as Evidence,
    ownThreads: () => ownThreads,
  })
  return { speaker, said, did }
}

for (const [name, eased, left, want] of [
  ['the heap eases, the container is on a rung still', 'heap', { container: 'warn' }, ['report false']],
  ['the container eases, the heap is on a rung still', 'container', { heap: 'critical' }, []],
  ['the heap eases as the last', 'heap', {}, ['report false', 'last words cleared']],
  ['the container eases as the last', 'container', {}, ['last words cleared']],
] as const)
  t.test(`last words stand for as long as one resource is on a rung: ${name}`, async t => {
    const { speaker, said, did } = speakerOf()
    speaker.eased(eased, momentOf(left))
    t.strictSame(did, want)
    t.match(said, [{ event: 'pressure-eased', fields: { resource: eased } }])
  })

for (const [name, process, want] of [
  ['the pool of the usual size', { threads: 11 }, 'native'],
  ['another thread beside it', { threads: 12 }, 'workers'],
  ["the guard's own thread beside it", { threads: 12, ownThreads: 1 }, 'native'],
  ['a larger pool', { threads: 15, variables: { UV_THREADPOOL_SIZE: '8' } }, 'native'],
  ['another thread beside a larger pool', { threads: 16, variables: { UV_THREADPOOL_SIZE: '8' } }, 'workers'],
  ['so many threads where the pool is of the usual size', { threads: 15 }, 'workers'],
] as const)
  t.test(`threads of libuv's pool are no workers: ${name}`, async t => {
    const { speaker, said } = speakerOf(process)
    speaker.pressure(
      { kind: 'pressure', resource: 'container', rung: 'warn', isCramped: false },
      momentOf({ container: 'warn' }),
    )
    t.match(said, [{ event: 'pressure', fields: { resource: 'container', cause: want } }])
  })
