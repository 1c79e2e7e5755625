// Deaths under a real cgroup v2: the rows of test/container/deaths.test.ts that fit in a small emulated machine, which is
// slower than any container: so few MB a second, and the small heap, are for that. HEAPGUARD_TEST_FULL runs all of them.
import t from 'tap'
import { bundled, runInMachine, whyNoMachine } from './machine.ts'

const isFull = Boolean(process.env.HEAPGUARD_TEST_FULL)

const ROWS = [
  { way: 'objects', resource: 'heap', causes: ['heap'], heapMB: 48, exit: 134 },
  // A Map that grows is copied in one go, which takes so long here that another look may come too late.
  { way: 'closures', resource: 'heap', causes: ['heap'], heapMB: 64, exit: 134, mbPerS: 2, isRough: true },
  { way: 'objects', resource: 'container', causes: ['heap'], heapMB: 400, exit: 137 },
  { way: 'buffers', resource: 'container', causes: ['buffers'], heapMB: 64, exit: 137, isQuick: true },
  { way: 'typed arrays', resource: 'container', causes: ['buffers'], heapMB: 64, exit: 137 },
  { way: 'zlib', resource: 'container', causes: ['native'], heapMB: 64, exit: 137 },
  { way: 'crypto', resource: 'container', causes: ['native'], heapMB: 64, exit: 137 },
  { way: 'tmpfs', resource: 'container', causes: ['tmpfs'], heapMB: 64, exit: 137 },
] as const

t.test('deaths under cgroup v2', { skip: whyNoMachine || false, timeout: 900_000 }, async t => {
  for (const row of ROWS.filter(row => isFull || 'isQuick' in row))
    t.test(`${row.way}, ${row.resource}`, async t => {
      const leak = `process.argv = [process.execPath, 'leak', '${row.way}', '${'mbPerS' in row ? row.mbPerS : 4}']; require('./test/fixtures/deaths/leak.cjs')`
      const { records, exit, output } = await runInMachine({
        memory: '160M',
        nodeOptions: `--max-old-space-size=${row.heapMB} --max-semi-space-size=1`,
        script: await bundled(leak),
      })
      t.equal(exit, row.exit, output.slice(-300))
      const said = records.filter(({ event, resource }) => event === 'pressure' && resource === row.resource)
      for (const { cause, msg } of said) t.ok((row.causes as readonly unknown[]).includes(cause), `${cause}: ${msg}`)
      const rungs = said.map(({ rung }) => rung)
      if ('isRough' in row) t.equal(rungs.at(-1), 'critical', 'the second rung, be it alone')
      else t.strictSame(rungs, ['warn', 'critical'], 'each rung, once')
      if (row.exit === 137) t.match(output, /^oom_kill [1-9]/m, 'the kernel counted it')
      t.comment(`${row.way}, ${row.resource}, cgroup v2: ${said.map(({ rung, cause }) => `${rung} (${cause})`)}`)
    })
})
