// Runs the process-level tests on other Node majors: `npm run test:majors -- 22 26`, without arguments on all four;
// `-- 24 --tests=boot,startup` runs these two files alone.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaryOf } from './node-binary.mjs'

const { values, positionals } = parseArgs({ options: { tests: { type: 'string' } }, allowPositionals: true })
const majors = positionals.length > 0 ? positionals : ['20', '22', '24', '26']
const wanted = values.tests?.split(',')
const run = (command, args, options) => spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1

const tests = ['test/preload', 'test/app'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.test.ts') && (wanted?.includes(name.replace('.test.ts', '')) ?? true))
    .map(name => `${folder}/${name}`),
)
if (wanted !== undefined && tests.length !== wanted.length)
  throw new Error(
    `--tests=${values.tests}: a file in test/preload or test/app for each name, found ${tests.join(', ')}`,
  )
let failed = run('node', ['setup.mjs']) || run('node', ['build.mjs'])
for (const major of failed ? [] : majors) {
  const binary = binaryOf(major)
  if (binary === undefined) {
    console.error(`majors: no binary of Node ${major} could be installed`)
    failed = 1
    continue
  }
  console.log(`# Node ${major}: ${spawnSync(binary, ['--version']).stdout}`)
  failed =
    run('node_modules/.bin/tap', ['--disable-coverage', ...tests], {
      env: { ...process.env, HEAPGUARD_TEST_NODE: binary },
    }) || failed
}
process.exit(failed)
