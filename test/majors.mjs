// Runs the process-level tests on other Node majors: `npm run test:majors -- 22 26`, without arguments on all four;
// `-- 24 --without=pressure,watchdog` leaves these two files out.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaryOf } from './node-binary.mjs'

const { values, positionals } = parseArgs({ options: { without: { type: 'string' } }, allowPositionals: true })
const majors = positionals.length > 0 ? positionals : ['20', '22', '24', '26']
const leftOut = values.without?.split(',') ?? []
const run = (command, args, options) => spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1

const isLeftOut = path => leftOut.some(name => path.endsWith(`/${name}.test.ts`))
const all = ['test/preload', 'test/app'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `${folder}/${name}`),
)
const tests = all.filter(path => !isLeftOut(path))
if (tests.length !== all.length - leftOut.length)
  throw new Error(`--without=${values.without}: each is the name of one file in test/preload or test/app`)
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
