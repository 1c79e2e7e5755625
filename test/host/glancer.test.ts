import { closeSync, mkdirSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openGlanceReader } from '../../preload/host/glancer.ts'
import { emptyFolder } from '../preload/node.ts'

const files = { openSync, readSync, closeSync } as never

for (const [name, text, want] of [
  ['a number', '83886080\n', 83_886_080],
  ['nothing in use', '0\n', 0],
  ['the largest that fits', '9007199254740991\n', 9_007_199_254_740_991],
  ['longer than any that can be', '18446744073709551615\n', undefined],
  ['no line feed: it may go on', '8388', undefined],
  ['two lines', '1\n2\n', undefined],
  ['a word', 'max\n', undefined],
  ['a sign', '-1\n', undefined],
  ['a line feed alone', '\n', undefined],
  ['nothing', '', undefined],
] as const)
  t.test(`usage: ${name}`, async t => {
    const folder = emptyFolder()
    for (const [version, file] of [
      ['cgroup-v1', 'memory.usage_in_bytes'],
      ['cgroup-v2', 'memory.current'],
    ] as const) {
      writeFileSync(join(folder, file), text)
      t.equal(openGlanceReader({ files }).usage({ version, folder }), want)
    }
  })

t.test('usage: no such file, then one, then that of another group; no descriptor is kept', async t => {
  const folder = emptyFolder()
  const reader = openGlanceReader({ files })
  t.equal(reader.usage({ version: 'cgroup-v2', folder }), undefined)
  writeFileSync(join(folder, 'memory.current'), '5\n')
  t.equal(reader.usage({ version: 'cgroup-v2', folder }), 5)
  const below = join(folder, 'below')
  mkdirSync(below)
  writeFileSync(join(below, 'memory.current'), '1234\n')
  const before = readdirSync('/proc/self/fd').length
  t.equal(reader.usage({ version: 'cgroup-v2', folder: below }), 1234)
  t.equal(reader.usage({ version: 'cgroup-v2', folder }), 5, 'a shorter number after a longer one')
  t.equal(readdirSync('/proc/self/fd').length, before)
})
