// Whatever the kernel's files hold, reading them throws nothing and no limit comes out that no file holds.
import fc from 'fast-check'
import t from 'tap'
import { type ContainerLimit, readContainerLimit, readLimitAgain } from '../../preload/core/cgroup.ts'
import { parseMemoryMounts } from '../../preload/core/mountinfo.ts'
import { readUsage } from '../../preload/core/usage.ts'
import { cgroup1Mount, cgroup2Mount, Failure, type Files, MIB, machine } from '../fixtures/cgroup.ts'

const PROPERTIES = 4
const numRuns = Math.ceil(Number(process.env.HEAPGUARD_PROPERTY_RUNS ?? 5000) / PROPERTIES)

const bytesAsText = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('utf8'))
const anything = fc.oneof(bytesAsText, fc.string({ unit: 'binary', maxLength: 80 }))
const failure = fc.constantFrom('EACCES', 'EIO', 'EOPNOTSUPP', 'ERR_ACCESS_DENIED').map(code => new Failure(code))
const number = fc.oneof(
  fc.bigInt({ min: -2n, max: 2n ** 65n }).map(String),
  fc.integer({ min: 0, max: 4096 }).map(mb => String(mb * MIB)),
  fc.constantFrom('max', '-1', '0', '', '1e9', '0x200', '007', '5 5', '4503599627370495', '4503599627370496'),
)
const spaced = fc.tuple(number, fc.constantFrom('\n', '', '\r\n', ' \n', '\n5\n')).map(parts => parts.join(''))
const name = fc.oneof(
  fc.constantFrom('..', 'a', 'pod:ctr', 'x (deleted)', ' - cgroup2', '\\040', ''),
  fc.string({ maxLength: 6 }),
)
const path = fc.array(name, { maxLength: 6 }).map(names => `/${names.join('/')}`)

const ownGroup = fc
  .array(fc.tuple(fc.constantFrom('0:', '9:memory', '3:cpu,memory', '1:name=systemd', ''), path), { maxLength: 4 })
  .map(lines => lines.map(([controllers, group]) => `${controllers}:${group}\n`).join(''))
const mountPoint = fc.constantFrom('/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/', '/my\\040cg')
const mountinfo = fc
  .array(
    fc
      .tuple(fc.boolean(), path, mountPoint)
      .map(([v2, root, at]) => (v2 ? cgroup2Mount(root, at) : cgroup1Mount(root, at))),
    { maxLength: 4 },
  )
  .map(lines => lines.join(''))

const textOf = (likely: fc.Arbitrary<string>) =>
  fc.oneof({ arbitrary: likely, weight: 6 }, anything, failure, fc.constant(undefined))
const kernel = fc.record({
  cgroup: textOf(ownGroup),
  mountinfo: textOf(mountinfo),
  meminfo: textOf(fc.nat().map(kib => `MemTotal:       ${kib} kB\n`)),
  // By turns, so that different levels say different things.
  limits: fc.array(textOf(spaced), { minLength: 1, maxLength: 5 }),
  stat: textOf(spaced.map(text => `cache 1\nhierarchical_memory_limit ${text}`)),
})

type Kernel = typeof kernel extends fc.Arbitrary<infer T> ? T : never

/** A machine on which every folder is a group. */
function kernelOf(made: Kernel) {
  const shown: string[] = []
  let turn = 0
  const fileAt = (at: string) => {
    if (at === '/proc/self/cgroup') return made.cgroup
    if (at === '/proc/self/mountinfo') return made.mountinfo
    if (at === '/proc/meminfo') return made.meminfo
    if (at.endsWith('/memory.stat')) return made.stat
    return made.limits[turn++ % made.limits.length]
  }
  const readText = (at: string) => {
    const file = fileAt(at)
    if (file instanceof Failure) throw Object.assign(new Error(at), { code: file.code })
    if (at.includes('/memory.')) shown.push(file ?? '')
    return file
  }
  return { readText, shown }
}

/** Every number of a limit stands, as it is, in a limit file that was read. */
function assertHeld(limit: ContainerLimit, shown: readonly string[]) {
  const numbers =
    limit.kind === 'limited'
      ? [limit.limitBytes, ...(limit.above ?? []).map(level => level.limitBytes), limit.soft?.limitBytes]
      : [limit.kind === 'unlimited' ? limit.soft?.limitBytes : undefined]
  const words = shown.flatMap(text => [text.trim(), ...text.split('\n').map(line => line.trim().split(' ').at(-1))])
  for (const value of numbers) {
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`${value} is no number of bytes`)
    if (!words.includes(String(value))) throw new Error(`${value} is in none of ${JSON.stringify(shown)}`)
  }
  if (limit.kind !== 'limited' && limit.reason.length === 0) throw new Error('no reason')
  if (limit.kind === 'limited' && limit.confidence === 'low' && !limit.reason) throw new Error('low without a reason')
}

t.test('any kernel: nothing is thrown, every number stands in a file', async t => {
  fc.assert(
    fc.property(kernel, made => {
      const { readText, shown } = kernelOf(made)
      assertHeld(readContainerLimit(readText), shown)
    }),
    { numRuns },
  )
  t.pass(`${numRuns} kernels`)
})

t.test('any kernel after any other: looking again throws nothing and invents nothing', async t => {
  fc.assert(
    fc.property(kernel, kernel, (before, after) => {
      const first = kernelOf(before)
      const limit = readContainerLimit(first.readText)
      const second = kernelOf(after)
      assertHeld(readLimitAgain(second.readText, limit), [...first.shown, ...second.shown])
    }),
    { numRuns },
  )
  t.pass(`${numRuns} pairs of kernels`)
})

t.test('any usage files: nothing is thrown, every value is a number that can be, no key holds undefined', async t => {
  const line = fc.tuple(fc.constantFrom('anon', 'inactive_file', 'total_rss', 'oom_kill', 'some', 'full', ''), number)
  const stall = fc.tuple(fc.float(), number).map(([share, total]) => `some avg10=${share} avg60=0.00 total=${total}\n`)
  const text = textOf(
    fc.oneof(
      spaced,
      stall,
      fc.array(line).map(lines => lines.map(words => words.join(' ')).join('\n')),
    ),
  )
  const version = fc.constantFrom('cgroup-v1', 'cgroup-v2')
  fc.assert(
    fc.property(fc.array(text, { minLength: 5, maxLength: 5 }), version, (files, version) => {
      let turn = 0
      const made: Record<string, string | Failure> = {}
      for (const file of ['current', 'usage_in_bytes', 'stat', 'events', 'oom_control', 'pressure']) {
        const content = files[turn++ % files.length]
        if (content !== undefined) made[`/g/memory.${file}`] = content
      }
      const { readText } = machine(made as Files)
      const usage = readUsage(readText, { version, folder: '/g' }, { kind: 'whole' })
      JSON.stringify(usage, (_, value) => {
        if (typeof value === 'object' && Object.values(value).includes(undefined))
          throw new Error('a key holds undefined')
        if (typeof value === 'number' && !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new Error(`${value}`)
        return value
      })
      const { usageBytes, workingSetBytes } = usage
      if (workingSetBytes !== undefined && !(usageBytes !== undefined && workingSetBytes <= usageBytes))
        throw new Error('a working set above usage')
    }),
    { numRuns },
  )
  t.pass(`${numRuns} groups`)
})

t.test('any mountinfo: nothing is thrown, and mounts come out as often as lines go in', async t => {
  fc.assert(
    fc.property(
      fc.oneof(
        anything,
        mountinfo,
        fc.tuple(anything, mountinfo).map(parts => parts.join('\n')),
      ),
      text => {
        if (parseMemoryMounts(text).length > text.split('\n').length) throw new Error('more mounts than lines')
      },
    ),
    { numRuns },
  )
  t.pass(`${numRuns} texts`)
})
