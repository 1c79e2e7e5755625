// The boot line under a real cgroup v2: own limit, the parent's, a soft one, none.
import t from 'tap'
import { runInMachine, whyNoMachine } from './machine.ts'

const QUIET = 'console.log("the app runs")'

t.test('cgroup v2', { skip: whyNoMachine || false }, async t => {
  for (const [name, run, want] of [
    [
      'its own limit',
      { memory: '512M', nodeOptions: '--max-old-space-size=384' },
      {
        level: 'info',
        verdict: 'fits',
        containerMemoryMB: 512,
        containerMemorySource: 'cgroup-v2',
        containerMemoryPath: '/sys/fs/cgroup/pod/app/memory.max',
        heapCeilingMB: 384,
      },
    ],
    [
      'a tighter parent, which Node does not see',
      { memory: 'max', parentMemory: '256M', nodeOptions: '--max-old-space-size=384' },
      {
        level: 'warn',
        verdict: 'exceeds',
        containerMemoryMB: 256,
        containerMemoryPath: '/sys/fs/cgroup/pod/memory.max',
        remedy: /^--max-old-space-size=\d+/,
      },
    ],
    [
      'a parent tighter than the own limit',
      { memory: '512M', parentMemory: '256M', nodeOptions: '--max-old-space-size=128' },
      {
        verdict: 'fits',
        containerMemoryMB: 256,
        containerMemoryPath: '/sys/fs/cgroup/pod/memory.max',
        nodeSeesMB: 512,
      },
    ],
    [
      'a soft limit alone is no limit',
      { memory: 'max', setup: 'echo 100M >$GROUP/memory.high', nodeOptions: '--max-old-space-size=64' },
      {
        containerMemoryMB: 512,
        containerMemorySource: 'default',
        nodeSeesMB: 100,
        msg: /CONTAINER_MEMORY_MB.*From 100 MB on the kernel slows/,
      },
    ],
  ] as const)
    t.test(name, async t => {
      const { records, output, exit } = await runInMachine({ ...run, script: QUIET })
      t.equal(exit, 0)
      t.match(output, /^the app runs$/m)
      t.match(records[0], { event: 'heap-validated', ...want })
      t.comment(JSON.stringify(records[0]))
    })

  t.test('usage and working set come from the level of the limit', async t => {
    const { records } = await runInMachine({
      memory: 'max',
      parentMemory: '400M',
      env: { HEAPGUARD_INTERVAL_MS: '500' },
      script: 'const held = Buffer.alloc(100 * 1048576, 1); setTimeout(() => held, 1800)',
    })
    const memory = records.filter(record => record.event === 'memory').at(-1) as unknown as Record<string, number>
    t.match(memory, { containerMemoryMB: 400 })
    t.ok((memory.containerWorkingSetMB ?? 0) > 100 && (memory.containerWorkingSetMB ?? 0) < 250)
    t.ok((memory.containerUsageMB ?? 0) >= (memory.containerWorkingSetMB ?? 0))
  })
})
