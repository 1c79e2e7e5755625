// Runs the process-level tests on other Node majors: `npm run test:majors -- 22 26`, without arguments on all four.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { binaryOf } from './node-binary.mjs'

const majors = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26']
const run = (command, args, options) => spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1

const tests = ['test/preload', 'test/app'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `${folder}/${name}`),
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
