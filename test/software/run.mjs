// Real software with and without the guard: `npm run test:software`, with `-- quick` for what is cheap, `-- suites` for the
// packages' own tests, with names of folders (installed.mjs), and with `--majors=20,22,24,26` for other Nodes than the one that runs this. Prints a table at the end.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binaryOf } from '../node-binary.mjs'

const own = process.versions.node.split('.')[0]
const args = process.argv.slice(2)
const option = args.find(arg => arg.startsWith('--majors='))
const majors = option ? option.slice('--majors='.length).split(',') : [own]
const names = args.filter(arg => arg !== option).join(' ')
const results = join(mkdtempSync(join(tmpdir(), 'heapguard-software-')), 'rows')
const COLUMNS = ['exit', 'signal', 'output', 'files', 'inside', 'wanted']

let failed = 0
for (const major of majors) {
  const binary = major === own ? process.execPath : binaryOf(major)
  if (binary === undefined) {
    console.error(`software: no binary of Node ${major} could be installed`)
    failed = 1
    continue
  }
  const env = {
    ...process.env,
    HEAPGUARD_TEST_NODE: binary,
    HEAPGUARD_SOFTWARE: names,
    HEAPGUARD_SOFTWARE_RESULTS: results,
  }
  const tap = ['node_modules/.bin/tap', '--disable-coverage', '--timeout=3600', 'test/software/software.test.ts']
  failed = (spawnSync(tap[0], tap.slice(1), { stdio: 'inherit', env }).status ?? 1) || failed
}

/** `=` all is equal; `≈` equal to one of the outcomes that it has without the guard; else what differs, or why it did not run. */
const cellOf = row => {
  if (row === undefined) return ''
  if (row.skip !== undefined) return '-'
  const differs = COLUMNS.filter(column => !row[column])
  if (differs.length > 0) return `! ${differs.join(', ')}`
  return `${row.outcomes > 1 ? `≈ of ${row.outcomes}` : '='} ${row.end}`
}
const rows = existsSync(results)
  ? readFileSync(results, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  : []
const table = new Map()
for (const row of rows) {
  const key = `${row.packages}|${row.name}`
  table.set(key, { ...table.get(key), [row.major]: row })
}
const lines = [...table].map(([key, byMajor]) => [...key.split('|'), ...majors.map(major => cellOf(byMajor[major]))])
const all = [['package', 'what was run', ...majors.map(major => `Node ${major}`)], ...lines]
const widths = all[0].map((_, i) => Math.max(...all.map(line => line[i].length)))
for (const line of all)
  console.log(
    line
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  )
console.log(
  '\nexit, signal, output, files and what it saw of its process are those without the guard (=), or one of those where they are a race (≈); how it ended',
)
for (const row of rows)
  if (row.skip !== undefined) console.log(`- ${row.packages}, ${row.name}, Node ${row.major}: ${row.skip}`)
process.exit(failed)
