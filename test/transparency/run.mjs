// Every case with and without the guard: `npm run test:transparency`, with names of test files (`signals`, `hostile`) for
// these alone, and with `--majors=20,22,24,26` for other Nodes than the one that runs this. Prints a table at the end.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binaryOf } from '../node-binary.mjs'

const FOLDER = 'test/transparency'
const own = process.versions.node.split('.')[0]
const args = process.argv.slice(2)
const option = args.find(arg => arg.startsWith('--majors='))
const majors = option ? option.slice('--majors='.length).split(',') : [own]
const names = args.filter(arg => arg !== option)
const tests = readdirSync(FOLDER)
  .filter(file => file.endsWith('.test.ts') && (names.length === 0 || names.includes(file.split('.')[0])))
  .map(file => `${FOLDER}/${file}`)

let failed = 0
for (const major of tests.length === 0 ? [] : majors) {
  const binary = major === own ? (process.env.HEAPGUARD_TEST_NODE ?? process.execPath) : binaryOf(major)
  if (binary === undefined) {
    console.error(`transparency: no binary of Node ${major} could be installed`)
    failed = 1
    continue
  }
  const results = join(mkdtempSync(join(tmpdir(), 'heapguard-transparency-')), 'rows')
  const env = { ...process.env, HEAPGUARD_TEST_NODE: binary, HEAPGUARD_TRANSPARENCY_RESULTS: results }
  const tap = ['--disable-coverage', '--timeout=900', ...tests]
  failed = (spawnSync('node_modules/.bin/tap', tap, { stdio: 'inherit', env }).status ?? 1) || failed
  const rows = existsSync(results)
    ? readFileSync(results, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
    : []
  if (rows.length > 0) print(rows.sort((a, b) => a.name.localeCompare(b.name)))
}
if (tests.length === 0) {
  console.error(`transparency: no test file is named ${names.join(' or ')}`)
  failed = 1
}
process.exit(failed)

function print(rows) {
  const head = [`Node ${rows[0]?.major}: case`, 'without', 'with', 'verdict']
  const lines = [head, ...rows.map(({ name, bare, guarded, verdict }) => [name, bare, guarded, verdict])]
  const widths = head.map((_, i) => Math.max(...lines.map(line => line[i].length)))
  console.log()
  for (const line of lines)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
  const differ = rows.filter(({ verdict }) => verdict.includes('!')).length
  const skipped = rows.filter(({ verdict }) => verdict.startsWith('-')).length
  console.log(`\n${rows.length} cases, ${differ} differ, ${skipped} not run`)
}
