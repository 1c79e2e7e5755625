// What is said at boot, in a container of the test's own.
import t from 'tap'
import type { Entry } from '../../preload/core/record.ts'
import { adviceOn, kernelLimitIsLower, limitChanged } from '../../preload/core/report-watch.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { mbToBytes } from '../../preload/core/units.ts'
import { validateHeapConfiguration } from '../../preload/heap-validator.ts'
import type { Host } from '../../preload/host/host.ts'
import type { Watch } from '../../preload/host/second-file.ts'
import { machine, v2 } from '../fixtures/cgroup.ts'

// The bundle has it from its build.
Object.assign(globalThis, { HEAPGUARD_VERSION: '0.0.0' })

/** The records of a boot with a heap of 200 MB, under a kernel's limit of so many bytes. */
function said(limit: number | 'max', operatorMB: string): readonly Entry[] {
  const env: Readonly<Record<string, string>> = { CONTAINER_MEMORY_MB: operatorMB }
  const readVariable = (name: string) => env[name]
  const host = {
    pid: 7,
    nodeVersion: 'v24.0.0',
    execArgv: ['--max-old-space-size=200'],
    readVariable,
    readText: machine(v2('0::/', { 'memory.max': `${limit}\n`, 'memory.high': 'max\n' })).readText,
    heapLimit: () => mbToBytes(200),
    constrainedMemory: () => (limit === 'max' ? 0 : limit),
  } as unknown as Host
  const entries: Entry[] = []
  const watch = () => ({ adviceOn, kernelLimitIsLower, limitChanged }) as Watch
  const { settings } = readSettings(readVariable)
  validateHeapConfiguration(host, settings, { say: entry => void entries.push(entry), droppedLines: () => 0 }, watch)
  return entries
}

for (const [name, limit, operatorMB, warns] of [
  ['one less', mbToBytes(512), '511', false],
  ['the same', mbToBytes(512), '512', false],
  ['one more', mbToBytes(512), '513', true],
  ['a page above the limit', mbToBytes(512) - 4096, '512', true],
  ['a page below the limit', mbToBytes(512) + 4096, '512', false],
  ['no limit at all', 'max', '512', false],
] as const)
  t.test(`CONTAINER_MEMORY_MB beside the kernel's limit: ${name}`, async t => {
    const entries = said(limit, operatorMB)
    const boot = { event: 'heap-validated', level: 'info', fields: { containerMemoryMB: Number(operatorMB) } }
    const problem = { event: 'config-problem', level: 'warn', fields: { variable: 'CONTAINER_MEMORY_MB' } }
    t.match(entries, warns ? [problem, boot] : [boot])
    t.equal(entries.length, warns ? 2 : 1)
  })
