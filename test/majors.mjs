// Runs the process-level tests on other Node majors: `npm run test:majors -- 22 26`, without arguments on all four;
// `-- 24 --without=pressure,watchdog` leaves these two files out, `-- 24 --only=boot,startup` all others.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaryOf } from './node-binary.mjs'

const { values, positionals } = parseArgs({
  options: { without: { type: 'string' }, only: { type: 'string' } },
  allowPositionals: true,
})
const majors = positionals.length > 0 ? positionals : ['20', '22', '24', '26']
const run = (command, args, options) => spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1

const all = ['test/preload', 'test/app'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `${folder}/${name}`),
)
/** The files that an option names. */
function named(option) {
  const names = values[option]?.split(',')
  const found = all.filter(path => names?.some(name => path.endsWith(`/${name}.test.ts`)))
  if (names !== undefined && found.length !== names.length)
    throw new Error(`--${option}=${values[option]}: each is the name of one file in test/preload or test/app`)
  return names && found
}
const without = named('without') ?? []
const tests = (named('only') ?? all).filter(path => !without.includes(path))
// Without any, the runner would look for tests by itself.
if (tests.length === 0) throw new Error('no test is left to run')
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
