// Children of one group under a limit that its parent has: an inner group of cgroup v2 lists no processes of its own.
import t from 'tap'
import { runInMachine, whyNoMachine } from './machine.ts'

t.test('three children under the limit of the parent group', { skip: whyNoMachine || false }, async t => {
  const { records } = await runInMachine({
    memory: 'max',
    parentMemory: '512M',
    nodeOptions: '--max-old-space-size=200 --max-semi-space-size=1',
    env: { HEAPGUARD_PULSE_MS: '500', HEAPGUARD_INTERVAL_MS: '1000' },
    script: `const { spawn } = require('child_process')
      for (let i = 0; i < 3; i++) spawn(process.execPath, ['-e', 'setTimeout(() => {}, 9000)'], { stdio: 'inherit' })
      setTimeout(() => process.exit(), 8000)`,
  })
  // Once the parent has gone, the next of them may speak for those that are left.
  const [said, ...later] = records.filter(({ event }) => event === 'heap-sum')
  t.match(said, { isolates: 4, processes: 4, heapLimitSumMB: 812, containerMemoryMB: 512 })
  for (const { pid } of later) t.not(pid, said?.pid, 'each says it once')
})
