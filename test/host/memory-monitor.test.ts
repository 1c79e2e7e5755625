import t from 'tap'
import { budgetOf } from '../../preload/core/budget.ts'
import type { Entry } from '../../preload/core/record.ts'
import { memoryLine } from '../../preload/core/report-watch.ts'
import type { Sample } from '../../preload/core/sample.ts'
import { bytes, type Millis, mbToBytes, millis } from '../../preload/core/units.ts'
import { MemoryMonitor } from '../../preload/memory-monitor.ts'

const SAMPLE: Sample = {
  memory: { rss: bytes(0), heapTotal: bytes(0), heapUsed: mbToBytes(1), external: bytes(0), arrayBuffers: bytes(0) },
  heapLimitBytes: mbToBytes(387),
  container: {},
  uptimeMs: millis(0),
}

function monitor(intervalMs: number, takeSample: () => Sample = () => SAMPLE) {
  const said: Entry[] = []
  const timers: { interval: Millis; tick: () => void; isOn: boolean }[] = []
  const subject = new MemoryMonitor({
    budget: budgetOf({
      heapLimitBytes: mbToBytes(387),
      oldSpaceLimit: { kind: 'none' },
      kernelLimit: { kind: 'unlimited', reason: 'none' },
      operatorMB: undefined,
      nodeSeesBytes: undefined,
    }),
    intervalMs: millis(intervalMs),
    onTick: () => {},
    log: { say: entry => said.push(entry), droppedLines: () => 0 },
    watch: () => ({ takeSample, memoryLine }),
    every: (interval, tick) => {
      const timer = { interval, tick, isOn: true }
      timers.push(timer)
      return () => {
        timer.isOn = false
      }
    },
  })
  return { subject, said, timers }
}

t.test('start and stop, each as often as one likes', async t => {
  const { subject, timers } = monitor(60_000)
  subject.stop()
  subject.start()
  subject.start()
  t.strictSame(
    timers.map(({ interval, isOn }) => ({ interval, isOn })),
    [{ interval: 60_000, isOn: true }],
  )
  subject.stop()
  subject.stop()
  t.equal(timers[0]?.isOn, false)
  subject.start()
  t.equal(timers.length, 2, 'it can be started again')
})

t.test('one memory line a tick', async t => {
  const { subject, said, timers } = monitor(10)
  subject.start()
  t.equal(said.length, 0, 'none at the start')
  timers[0]?.tick()
  timers[0]?.tick()
  t.strictSame(
    said.map(entry => entry.event),
    ['memory', 'memory'],
  )
  t.equal(subject.peakHeapUsedBytes, mbToBytes(1))
})

t.test('an interval of 0: no timer, and no last line either', async t => {
  const { subject, said, timers } = monitor(0)
  subject.start()
  subject.stopWithLastLine()
  t.equal(timers.length, 0)
  t.equal(said.length, 0)
})

t.test('the last line comes once', async t => {
  const { subject, said } = monitor(10)
  subject.start()
  subject.stopWithLastLine()
  subject.stopWithLastLine()
  t.strictSame(
    said.map(entry => entry.event),
    ['memory'],
  )
})

t.test('a sample that throws is said once, and the watch goes on', async t => {
  let n = 0
  const { subject, said, timers } = monitor(10, () => {
    n++
    if (n === 2) return { ...SAMPLE, memory: { ...SAMPLE.memory, heapUsed: mbToBytes(5) } }
    if (n > 3) return SAMPLE
    throw new Error('no such thing')
  })
  subject.start()
  for (let i = 0; i < 4; i++) timers[0]?.tick()
  t.strictSame(
    said.map(entry => entry.event),
    ['evidence-problem', 'memory', 'memory'],
  )
  t.equal(subject.peakHeapUsedBytes, mbToBytes(5), 'the peak stays')
})
