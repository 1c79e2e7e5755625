// What docs/fleet.md says of the metrics is what the code does.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { METRICS } from '../../preload/core/metrics.ts'

t.test('the table of metrics is the code’s, in its order', async t => {
  const page = readFileSync('docs/fleet.md', 'utf8')
  const rows = [...page.matchAll(/^\| ((?:process|nodejs|heapguard)_\w+) \|/gm)].map(match => match[1])
  t.strictSame(
    rows,
    METRICS.map(({ name }) => name),
  )
})
