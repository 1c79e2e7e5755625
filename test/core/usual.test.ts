// Whatever is called usual, the gate lets in; what the gate has rows for is not called usual.
import fc from 'fast-check'
import t from 'tap'
import { gateOf } from '../../preload/core/gate.ts'
import { isUsual } from '../../preload/core/usual.ts'

const NODE = { node: '24.21.0' }

for (const [name, want, versions, scriptPath, command, testContext] of [
  ['-e and a REPL', true, NODE, undefined, '-e 0', undefined],
  ['a service', true, NODE, '/app/server.js', '--max-old-space-size=384', undefined],
  ['the oldest Node', true, { node: '20.0.0' }, '/app/server.js', '', undefined],
  ['a Node before it', false, { node: '19.9.0' }, '/app/server.js', '', undefined],
  ['no version', false, {}, '/app/server.js', '', undefined],
  ['Electron', false, { ...NODE, electron: '30.0.0' }, '/app/server.js', '', undefined],
  ['Bun', false, { ...NODE, bun: '1.1.0' }, '/app/server.js', '', undefined],
  ['Deno', false, { ...NODE, deno: '2.0.0' }, '/app/server.js', '', undefined],
  ['a file under node --test', false, NODE, '/app/a.test.js', '', 'child-v8'],
  ['an empty NODE_TEST_CONTEXT', true, NODE, '/app/a.test.js', '', ''],
  ['a snapshot is built', false, NODE, '/app/entry.js', '--build-snapshot', undefined],
  ['a snapshot is built, with a file of settings', false, NODE, '/app/e.js', '--build-snapshot-config=a', undefined],
  ['npm', false, NODE, '/usr/local/bin/npm', '', undefined],
  ['yarn', false, NODE, '/usr/local/bin/yarn', '', undefined],
  ['corepack', false, NODE, '/usr/local/bin/corepack', '', undefined],
  ['node-gyp', false, NODE, '/usr/local/bin/node-gyp', '', undefined],
  ['the command line', false, NODE, '/opt/heapguard/heapguard.js', '', undefined],
  ["an app's own input.js, which the gate lets in", false, NODE, '/app/input.js', '', undefined],
] as const)
  t.test(`${name}: ${want ? 'usual' : 'for the gate'}`, async t =>
    t.equal(isUsual(versions, scriptPath, command, testContext), want),
  )

const part = fc.constantFrom(
  ...['npm', 'npx', 'pnpm', 'pnpx', 'yarn', 'yarnpkg', 'corepack', 'node-gyp', '.yarn', 'releases', 'yarn-4.1.0'],
  ...['bin', 'dist', 'lib', 'cli', 'npm-cli', 'npx-cli', 'heapguard', '@npmcli', 'run-script', 'app', 'server', 'in'],
)
const script = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '.js', '.cjs'), fc.constantFrom('/', '\\'))
  .map(([parts, ending, slash]) => slash + parts.join(slash) + ending)

t.test('the gate lets in whatever script is called usual', async t => {
  let usual = 0
  fc.assert(
    fc.property(script, scriptPath => {
      if (!isUsual(NODE, scriptPath, '', undefined)) return
      usual++
      const facts = { enabled: true, alreadyLoaded: false, isWorkerThread: false, execArgv: [], testContext: undefined }
      return gateOf({ ...facts, versions: NODE, scriptPath }).kind === 'run'
    }),
    { numRuns: 5000 },
  )
  t.ok(usual > 100, `${usual} of 5000 were`)
})
