// The rule by which V8 sizes its heap. Real V8 is asked in test/preload/worked-out.test.ts and test/container/heap-limit.test.ts.
import t from 'tap'
import { readOldSpaceLimit } from '../../preload/core/flags.ts'
import {
  defaultOldSpaceMB,
  type SizedProcess,
  workedOutFor,
  workedOutLimit,
  youngGenerationMB,
} from '../../preload/core/heap-size.ts'
import { bytesToMB, mbToBytes } from '../../preload/core/units.ts'

t.test('the young generation by the memory that V8 sees', async t => {
  for (const [version, ...rows] of [
    ['v20.20.2', [64, 3], [512, 3], [512.5, 12], [1024, 12], [1025, 24], [2048, 24], [2049, 48], [24_105, 48]],
    ['v22.23.3', [64, 3], [512, 3], [513, 12], [1024, 12], [1025, 24], [2048, 24], [2049, 48], [24_105, 48]],
    ['v24.21.0', [64, 3], [512, 3], [513, 48], [1024, 48], [1025, 96], [2048, 96], [2049, 192], [24_105, 192]],
    ['v26.10.0', [64, 6], [256, 6], [257, 12], [512, 12], [513, 24], [1024, 24], [1025, 48], [2048, 48], [2049, 96]],
    ['not a version', [64, 6], [2049, 96]],
  ] as const)
    for (const [seenMB, want] of rows) t.equal(youngGenerationMB(seenMB, version), want, `${version} ${seenMB}`)
})

t.test('the old space that V8 gives itself', async t => {
  for (const [seenMB, want] of [
    ...([
      [64, 256],
      [512, 256],
      [512 + 1 / 256, 256.25],
      [529.72265625, 265],
      [1024, 512],
      [1023.75, 512],
    ] as const),
    ...([
      [4095.75, 2048],
      [4096, 2048],
      [15_359, 2048],
      [15_360, 4096],
      [24_105, 4096],
    ] as const),
  ])
    t.equal(defaultOldSpaceMB(seenMB), want, `${seenMB} MB`)
})

const NODES = [
  { version: 'v20.20.2', v8: '11.3.244.8-node.38' },
  { version: 'v22.23.5', v8: '12.4.254.21-node.57' },
  { version: 'v24.22.3', v8: '13.6.233.17-node.63' },
  { version: 'v26.12.1', v8: '14.6.202.34-node.40' },
]
const processOf = (node: { version: string; v8: string }): SizedProcess => ({
  arch: 'x64',
  execPath: '/usr/local/bin/node',
  version: node.version,
  versions: { v8: node.v8 },
  config: { variables: { v8_enable_pointer_compression: 0 } },
})

/** MB; undefined: not worked out. */
function limitMB(process: SizedProcess, options: string, seenMB: number, oldSpaceMB?: number): number | undefined {
  const limit = workedOutLimit(
    process,
    options,
    mbToBytes(seenMB),
    oldSpaceMB === undefined ? undefined : mbToBytes(oldSpaceMB),
  )
  return limit === undefined ? undefined : bytesToMB(limit)
}

t.test('the limit: what real V8 said on each of the four', async t => {
  for (const [seenMB, oldSpaceMB, ...want] of [
    [512, 384, 387, 387, 387, 396],
    [1024, 384, 396, 396, 432, 408],
    [24_105, 384, 432, 432, 576, 480],
    [24_105, 6000, 6048, 6048, 6192, 6096],
    [256, 64, 67, 67, 67, 70],
    [512, undefined, 259, 259, 259, 268],
    [512 + 1 / 256, undefined, 268.25, 268.25, 304.25, 280.25],
    [1024, undefined, 524, 524, 560, 536],
    [2048, undefined, 1048, 1048, 1120, 1072],
    [4095.75, undefined, 2096, 2096, 2240, 2144],
    [15_359, undefined, 2096, 2096, 2240, 2144],
    [15_360, undefined, undefined, undefined, undefined, undefined],
    [15_871, undefined, undefined, undefined, undefined, undefined],
    [15_872, undefined, 4144, 4144, 4288, 4192],
    [15_360, 384, 432, 432, 576, 480],
  ] as const)
    for (const [i, node] of NODES.entries())
      t.equal(limitMB(processOf(node), '', seenMB, oldSpaceMB), want[i], `${node.version} ${seenMB} ${oldSpaceMB}`)
})

t.test('it is worked out where V8, its build and its options are known, and else not', async t => {
  const node = processOf({ version: 'v24.22.3', v8: '13.6.233.17-node.63' })
  const of = (process: SizedProcess, options = '') => limitMB(process, options, 512, 384)
  t.equal(of(node), 387)
  t.equal(of({ ...node, arch: 'arm64' }), 387)
  for (const arch of ['arm', 'ia32', 's390x', 'riscv64']) t.equal(of({ ...node, arch }), undefined, arch)
  for (const [version, v8] of [
    ...([
      ['v24.0.0', '13.7.1'],
      ['v24.0.0', '13.60.1'],
      ['v24.0.0', '3.6.1'],
      ['v25.1.0', '14.1.146'],
      ['v2.4.1', '13.6.1'],
    ] as const),
    ...([
      ['v22.0.0', '13.6.233'],
      ['v28.0.0', '14.6.202'],
      ['v24.0.0', ''],
      ['v240.0.0', '13.6.1'],
    ] as const),
  ])
    t.equal(of({ ...node, version, versions: { v8 } }), undefined, `${version} ${v8}`)
  t.equal(of({ ...node, config: { variables: {} } }), 387)
  t.equal(of({ ...node, config: { variables: { v8_enable_pointer_compression: 1 } } }), undefined, 'half pointers')
  for (const execPath of ['/opt/app', '/usr/bin/nodejs', '/opt/my-node', 'node'])
    t.equal(of({ ...node, execPath }), undefined, execPath)
  for (const options of [
    ...['--lite-mode', '--lite_mode', '-lite-mode', '--optimize-for-size', '--optimize_for_size ', '--minor-ms'],
    ...['--minor-mc --no-warnings', '--no-warnings --cppgc-young-generation', '--stress-compaction', '--env-file=.env'],
    ...['--predictable-gc-schedule', '--experimental-config-file=a.json', '--experimental-default-config-file'],
  ])
    t.equal(of(node, options), undefined, options)
  for (const options of [
    ...['--max-old-space-size=384 --require /opt/heapguard/preload.js', '--require /app/minor/file.js'],
    ...['--enable-source-maps --import=/app/lite-file.mjs', '-e require("fs").readFileSync("a-file")', ' ', '--'],
  ])
    t.equal(of(node, options), 387, options)
})

t.test('with flags as they are read: one that is plain, or none', async t => {
  const node = processOf({ version: 'v24.22.3', v8: '13.6.233.17-node.63' })
  const memoryNodeSeesBytes = mbToBytes(512)
  const of = (
    nodeOptions: string | undefined,
    execArgv: readonly string[] = [],
    process: SizedProcess | undefined = node,
  ) => {
    const flags = { execArgv, nodeOptions, nodeVersion: node.version, memoryNodeSeesBytes }
    const limit = workedOutFor(process, flags, readOldSpaceLimit(flags))
    return limit === undefined ? undefined : bytesToMB(limit)
  }
  t.equal(of(undefined), 259)
  t.equal(of('--max-old-space-size=384 --require /opt/heapguard/preload.js'), 387)
  t.equal(of('--max_old_space_size=384'), 387)
  t.equal(of('--no-warnings', ['--max-old-space-size=300']), 303)
  t.equal(of('--max-old-space-size=384', ['--max-old-space-size=300']), undefined, 'two of them')
  t.equal(of('--max-old-space-size=384 --max-semi-space-size=16'), undefined, 'one that sizes the young generation')
  t.equal(of('--max-semi-space-size=16'), undefined)
  t.equal(of('--max-heap-size=400'), undefined, 'V8 splits that on its own')
  t.equal(of('--max-old-space-size-percentage=50'), undefined)
  t.equal(of('--max-old-space-size=0'), undefined, "V8's word for: not set")
  t.equal(of('"--no-warnings"'), undefined, 'quotes could hide one')
  t.equal(of('--max-old-space-size=384', ['--lite-mode']), undefined)
  const flags = { execArgv: [], nodeOptions: '', nodeVersion: node.version, memoryNodeSeesBytes }
  t.equal(workedOutFor(undefined, flags, { kind: 'none' }), undefined, 'no process to go by')
  t.equal(workedOutFor(node, { ...flags, memoryNodeSeesBytes: undefined }, { kind: 'none' }), undefined)
})
