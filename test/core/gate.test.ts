import t from 'tap'
import { gateOf, type ProcessFacts } from '../../preload/core/gate.ts'

const APP: ProcessFacts = {
  enabled: true,
  alreadyLoaded: false,
  isWorkerThread: false,
  versions: { node: '24.21.0' },
  scriptPath: '/srv/server.js',
  execArgv: [],
  testContext: undefined,
}

for (const [name, facts] of Object.entries({
  'an app': {},
  'no script at all (-e, a REPL)': { scriptPath: undefined },
  'the oldest Node that it runs on': { versions: { node: '20.0.0' } },
  'a Node of the future': { versions: { node: '100.1.0-nightly' } },
  'an empty NODE_TEST_CONTEXT': { testContext: '' },
  "an app's own yarn.js": { scriptPath: '/srv/yarn.js' },
  "an app's own npm-tool.js": { scriptPath: '/srv/npm-tool.js' },
  'an app in a folder named npm': { scriptPath: '/srv/npm/server.js' },
  'a tool of node_modules/.bin': { scriptPath: '/srv/node_modules/.bin/next' },
} satisfies Record<string, Partial<ProcessFacts>>))
  t.test(`runs in ${name}`, async t => t.strictSame(gateOf({ ...APP, ...facts }), { kind: 'run' }))

for (const [reason, facts] of [
  [/HEAPGUARD_ENABLED/, { enabled: false }],
  [/already/, { alreadyLoaded: true }],
  [/worker/, { isWorkerThread: true }],
  [/not Node/, { versions: { node: '22.0.0', electron: '40.0.0' } }],
  [/not Node/, { versions: { node: '22.0.0', bun: '1.3.0' } }],
  [/not Node/, { versions: { node: '22.0.0', deno: '2.0.0' } }],
  [/older than 20/, { versions: { node: '19.9.0' } }],
  [/older than 20/, { versions: { node: '0.12.0' } }],
  [/older than 20/, { versions: {} }],
  [/node --test/, { testContext: 'child-v8' }],
  [/snapshot/, { execArgv: ['--build-snapshot'] }],
  [/snapshot/, { execArgv: ['--max-old-space-size=64', '--build-snapshot-config=x.json'] }],
] as const)
  t.test(`stays away: ${JSON.stringify(facts)}`, async t =>
    t.match(gateOf({ ...APP, ...facts }), { kind: 'stay-away', reason }),
  )

for (const scriptPath of [
  '/usr/local/bin/npm',
  '/usr/local/bin/npx',
  '/usr/local/lib/node_modules/npm/bin/npm-cli.js',
  '/usr/local/lib/node_modules/npm/bin/npx-cli.js',
  '/usr/local/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js',
  '/usr/local/bin/yarn',
  '/opt/yarn-v1.22.22/bin/yarn.js',
  '/opt/yarn-v1.22.22/lib/cli.js',
  '/srv/node_modules/yarn/bin/yarn.js',
  '/srv/.yarn/releases/yarn-4.9.2.cjs',
  '/root/.cache/node/corepack/v1/yarn/4.9.2/yarn.js',
  '/root/.cache/node/corepack/v1/pnpm/10.0.0/bin/pnpm.cjs',
  '/usr/local/bin/corepack',
  '/usr/local/lib/node_modules/corepack/dist/yarn.js',
  '/usr/local/bin/pnpm',
  '/usr/local/lib/node_modules/pnpm/bin/pnpm.cjs',
  '/usr/local/lib/node_modules/pnpm/bin/pnpm.mjs',
  'C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js',
])
  t.test(`stays away from ${scriptPath}`, async t =>
    t.match(gateOf({ ...APP, scriptPath }), { kind: 'stay-away', reason: /package manager/ }),
  )

for (const scriptPath of [
  '/opt/heapguard/heapguard.js',
  '/srv/node_modules/heapguard/dist/heapguard.js',
  '/srv/node_modules/.bin/heapguard',
])
  t.test(`stays away from its own commands: ${scriptPath}`, async t =>
    t.match(gateOf({ ...APP, scriptPath }), { kind: 'stay-away', reason: /own command line/ }),
  )
