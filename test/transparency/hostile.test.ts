// Hostile surroundings: what the app, a flag or the machine does to everything that the guard stands on.

import { resolve } from 'node:path'
import t from 'tap'
import { type Case, compareCases, LOOK, MAJOR } from './harness.ts'

/** Long enough for a few ticks of the guard's timer. */
const TICKS = { HEAPGUARD_INTERVAL_MS: '20' }
const later = `look('then'); setTimeout(() => { look('later'); console.log('over') }, 150);`
const refuse = (what: string): string => `() => { throw new Error('called the replaced ${what}') }`

const replaced: Record<string, Case> = {
  'every timer': {
    script: `const { setTimeout: real } = globalThis; for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'clearInterval', 'clearTimeout', 'queueMicrotask']) globalThis[name] = ${refuse('timer')}; real(() => { look('later'); console.log('over') }, 150)`,
  },
  Date: { script: `globalThis.Date = class { constructor() { ${refuse('Date')}() } }; ${later}` },
  'methods of Date': {
    script: `Date.now = Date.prototype.toISOString = Date.prototype.getTime = ${refuse('Date')}; ${later}`,
  },
  JSON: { script: `globalThis.JSON = {}; console.log('x'); ${later}` },
  'all of fs': {
    script: `const fs = require('fs'); for (const name of Object.keys(fs)) if (typeof fs[name] === 'function' && !/^[A-Z_]/.test(name)) fs[name] = ${refuse('fs')}; setTimeout(() => process.exit(3), 150)`,
  },
  'what process tells': {
    script: `for (const name of ['memoryUsage', 'resourceUsage', 'uptime', 'hrtime', 'cpuUsage', 'constrainedMemory', 'availableMemory', 'emitWarning']) process[name] = ${refuse('process')}; setTimeout(() => process.exit(3), 150)`,
  },
  'what process listens with': {
    script: `const { on } = process; for (const name of ['on', 'once', 'prependListener', 'listeners', 'listenerCount', 'removeListener', 'getMaxListeners', 'off']) process[name] = ${refuse('process')}; on.call(process, 'SIGTERM', () => { console.log('heard'); process.reallyExit(4) }); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 1000)`,
    want: { code: 4, stdout: 'heard\n' },
    events: ['heap-validated', 'memory', 'signal'],
  },
  'v8.getHeapStatistics': { script: `require('v8').getHeapStatistics = ${refuse('v8')}; ${later}` },
  'Function.prototype.call, apply and bind': {
    script: `const { call, apply, bind } = Function.prototype; setTimeout(() => { Object.assign(Function.prototype, { call, apply, bind }); console.log('over') }, 150); setImmediate(() => { Function.prototype.call = Function.prototype.apply = Function.prototype.bind = ${refuse('Function')} })`,
  },
  'methods of arrays, strings and regular expressions': {
    script: `for (const [P, names] of [[Array.prototype, ['find', 'some', 'filter', 'map', 'forEach']], [String.prototype, ['split', 'replace', 'replaceAll', 'trim']], [RegExp.prototype, ['exec', 'test']]]) for (const name of names) P[name] = ${refuse('method')}; setTimeout(() => process.exit(3), 150)`,
  },
  'Buffer.alloc and byteLength': {
    script: `Buffer.alloc = Buffer.byteLength = ${refuse('Buffer')}; setTimeout(() => process.exit(3), 150)`,
  },
  'Error.prepareStackTrace and stackTraceLimit': {
    script: `Error.prepareStackTrace = () => 'own stack'; Error.stackTraceLimit = 3; process.on('exit', () => console.log(new Error('x').stack, Error.stackTraceLimit)); ${later}`,
  },
  'Error.stackTraceLimit that cannot be written': {
    script: `Object.defineProperty(Error, 'stackTraceLimit', { value: 2, writable: false, configurable: false }); process.on('exit', () => console.log('exit')); ${later}`,
  },
  'Object.prototype.toJSON, then, get, set, value and code': {
    script: `for (const name of ['toJSON', 'then', 'get', 'set', 'value', 'code', 'writable', 'flags', 'bigint']) Object.defineProperty(Object.prototype, name, { configurable: true, writable: true, value: undefined }); Object.prototype.toJSON = ${refuse('toJSON')}; process.on('SIGTERM', () => process.exit(3)); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 500)`,
  },
  'a getter on Object.prototype': {
    script: `Object.prototype.get = () => 'polluted'; Object.prototype.droppedLines = 7; process.on('SIGTERM', () => process.exit(3)); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 500)`,
  },
  'frozen intrinsics': {
    script: `for (const o of [Object, Function, Array, String, RegExp, Error, Date, JSON, Promise, Map, Set, Buffer]) { Object.freeze(o); if (o.prototype) Object.freeze(o.prototype) } ${later}`,
  },
  'a frozen process.env and process': {
    script: `Object.freeze(process.versions); Object.preventExtensions(process); try { process.on('SIGTERM', () => process.exit(3)) } catch (error) { console.log(error.message) } process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 500)`,
  },
  'fake timers of node:test': {
    script: `const { mock } = require('node:test'); mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] }); const real = process.hrtime.bigint(); setTimeout(() => console.log('ticked'), 10_000); mock.timers.tick(10_000); mock.timers.reset(); ${later}`,
  },
  'fake timers in the manner of sinon': {
    script: `const real = { ...globalThis }, queue = []; Object.assign(globalThis, { setTimeout: f => queue.push(f), setInterval: f => queue.push(f), setImmediate: f => queue.push(f), Date: class extends Date { constructor() { super(0) } } }); setInterval(() => console.log('fake')); console.log(queue.length); queue[0](); ${later.replace('setTimeout', 'require("timers").setTimeout')}`,
  },
  'process.env emptied': {
    script: `for (const name of Object.keys(process.env)) if (name !== 'GUARD_TEST_LOOK') delete process.env[name]; ${later}`,
  },
  'process.exit, reallyExit and emit': {
    script: `const { exit, reallyExit, emit } = process; process.exit = () => console.log('exit asked'); process.exit(5); process.exit = exit; process.on('exit', code => console.log('code', code)); process.exitCode = 6; ${later}`,
  },
  'the working directory deleted': { script: `require('fs').rmSync(process.cwd(), { recursive: true }); ${later}` },
  'global process replaced': {
    script: `const real = process; globalThis.process = { env: {} }; setTimeout(() => { globalThis.process = real; look('later') }, 150)`,
  },
  'descriptor 0 closed, and code 3 at once': {
    script: "require('fs').closeSync(0); setTimeout(() => process.exit(3), 50)",
    want: { code: 3 },
  },
  'descriptors 0, 1 and 2 closed, beyond the first look': {
    script: "for (const fd of [0, 1, 2]) require('fs').closeSync(fd); setTimeout(() => process.exit(3), 1300)",
    want: { code: 3 },
  },
  'a chmod, umask and chdir': { script: `process.umask(0o777); process.chdir('/'); ${later}` },
  'the module loader': {
    script: `const { Module } = require('module'); const { _load } = Module; Module._load = function (name) { console.log('load', name); return _load.apply(this, arguments) }; require.extensions['.js'] = ${refuse('extension')}; require('os'); ${later}`,
  },
  'hooks on resolve and load, a channel of each require': {
    script: `require('module').registerHooks({ resolve(name, context, next) { console.log('resolve', name); return next(name, context) }, load(url, context, next) { console.log('load', url); return next(url, context) } }); for (const name of ['tracing:module.require:start', 'tracing:module.import:start']) require('diagnostics_channel').subscribe(name, ({ id }) => console.log(name, id)); require('os'); ${later}`,
    want: { code: 0, stdout: /require:start os\nresolve os\nload node:os\nover\n$/ },
    from: 24,
  },
  'loadable hooks on compile': {
    script: `const vm = require('vm'); vm.compileFunction = vm.runInThisContext = ${refuse('vm')}; ${later}`,
  },
}
/** What the hand-over of a quiet start needs, so that it says in a line that it could not go on: these are of the whole guard. */
const NEEDED = /^(Function.prototype.call|methods of arrays|loadable hooks on compile)/
for (const [name, one] of Object.entries(replaced))
  Object.assign(one, { env: NEEDED.test(name) ? { ...TICKS, HEAPGUARD_PROFILE: 'true' } : TICKS })

const plain = `process.on('SIGTERM', () => { console.log('got'); process.exit(3) }); look('start'); setTimeout(() => { process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9000) }, 100);`
const flagged = (...nodeArgs: string[]): Case => ({
  script: plain,
  nodeArgs,
  env: TICKS,
  want: { code: 3, stdout: 'got\n' },
})
const permission = MAJOR === 20 ? '--experimental-permission' : '--permission'
const reads = (...paths: string[]): string[] => paths.map(path => `--allow-fs-read=${path}`)
const here = [resolve('dist/preload.js'), resolve('test/fixtures/empty.cjs'), LOOK]

const flags: Record<string, Case> = {
  '--permission, reading the scripts alone': {
    ...flagged(permission, ...reads(...here), '--allow-fs-write=*'),
    blur: text => text.replace(/^.*ExperimentalWarning.*\n.*\n/gm, ''),
  },
  '--permission, reading the folder of the guard': {
    ...flagged(permission, ...reads(...here, `${resolve('dist')}/*`), '--allow-fs-write=*'),
    blur: text => text.replace(/^.*ExperimentalWarning.*\n.*\n/gm, ''),
  },
  '--permission, reading everything, writing nothing': {
    script: `process.on('SIGTERM', () => { console.log('got'); process.exit(3) }); setTimeout(() => { process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9000) }, 100);`,
    nodeArgs: [permission, '--allow-fs-read=*'],
    env: TICKS,
    want: { code: 3 },
    blur: text => text.replace(/^.*ExperimentalWarning.*\n.*\n/gm, ''),
  },
  '--frozen-intrinsics': flagged('--frozen-intrinsics'),
  '--disable-proto=delete': flagged('--disable-proto=delete'),
  '--disable-proto=throw': flagged('--disable-proto=throw'),
  '--throw-deprecation': flagged('--throw-deprecation'),
  '--pending-deprecation --trace-warnings': flagged('--pending-deprecation', '--trace-warnings'),
  '--unhandled-rejections=strict': {
    ...flagged('--unhandled-rejections=strict'),
    script: 'Promise.reject(new Error("x"))',
    want: { code: 1 },
  },
  '--jitless': flagged('--jitless'),
  '--max-lazy': { ...flagged('--max-lazy'), full: true },
  '--stack-size=200': flagged('--stack-size=200'),
  '--disallow-code-generation-from-strings': flagged('--disallow-code-generation-from-strings'),
  '--no-addons --no-global-search-paths': { ...flagged('--no-addons', '--no-global-search-paths'), full: true },
  '--enable-source-maps': flagged('--enable-source-maps'),
  '--preserve-symlinks': flagged('--preserve-symlinks'),
  '--inspect=0': {
    ...flagged('--inspect=0'),
    blur: text => text.replace(/ws:\S+/g, 'ws:').replace(/^Debugger attached.*\n/gm, ''),
  },
  '--cpu-prof': { ...flagged('--cpu-prof'), blur: text => text.replace(/CPU\.[\w.]+cpuprofile/g, 'CPU.cpuprofile') },
  '--heap-prof': {
    ...flagged('--heap-prof'),
    full: true,
    blur: text => text.replace(/Heap\.[\w.]+heapprofile/g, 'Heap.heapprofile'),
  },
  // Calls in a tick are warned of, the guard's too: see remainder.test.ts. Without a tick there are none.
  '--trace-sync-io, before the first tick': {
    ...flagged('--trace-sync-io'),
    env: { HEAPGUARD_INTERVAL_MS: '0' },
    script: `look('start'); setTimeout(() => process.reallyExit(3), 100)`,
    want: { code: 3 },
  },
  '--trace-exit': { ...flagged('--trace-exit'), blur: text => text.replace(/^ {4}at .*\n/gm, '') },
  '--trace-uncaught': {
    ...flagged('--trace-uncaught'),
    script: 'throw new Error("thrown by the app")',
    want: { code: 1 },
  },
  '--test-isolation=none, the app a test of its own': {
    ...flagged('--test'),
    full: true,
    script: `require('node:test')('x', () => {})`,
    as: 'app.test.js',
    want: { code: 0 },
    blur: text => text.replace(/duration_ms:? [\d.]+/g, '').replace(/\([\d.]+ms\)/g, ''),
  },
  '--expose-gc --stack-trace-limit=1': { ...flagged('--expose-gc', '--stack-trace-limit=1'), full: true },
  '--abort-on-uncaught-exception': { ...flagged('--abort-on-uncaught-exception'), full: true },
  '--report-on-signal': { ...flagged('--report-on-signal', '--report-signal=SIGUSR2'), full: true },
  '--build-snapshot': {
    script: `globalThis.built = 1; console.log('built')`,
    nodeArgs: ['--snapshot-blob', 'app.blob', '--build-snapshot'],
    as: 'app.js',
    want: { code: 0, stdout: 'built\n' },
  },
  '--check': { script: '', nodeArgs: ['--check'], as: 'app.js', want: { code: 0 } },
  '--version': { script: '', nodeArgs: ['--version'], want: { code: 0 } },
  '--prof-process and --v8-options are answered': {
    script: '',
    nodeArgs: ['--v8-options'],
    full: true,
    want: { code: 0 },
  },
}

const moduleLook = `import { createRequire } from 'node:module'; const { look } = createRequire(import.meta.url)(${JSON.stringify(LOOK)});`
const entries: Record<string, Case> = {
  'an ES module': { script: `${moduleLook} ${plain}`, as: 'app.mjs', want: { code: 3 } },
  'an ES module with a top-level await that never settles': {
    script: `${moduleLook} look('start'); await new Promise(() => {})`,
    as: 'app.mjs',
    want: { code: 13 },
  },
  'a module script by -e': { script: `${moduleLook} ${plain}`, nodeArgs: ['--input-type=module'], want: { code: 3 } },
  'a script on stdin': {
    script: '',
    command: ({ node }) => [node, '-'],
    stdin: `const { look } = require(${JSON.stringify(LOOK)}); ${plain}`,
    want: { code: 3 },
  },
  'a script on stdin, without a dash': {
    script: '',
    command: ({ node }) => [node],
    stdin: 'console.log(require.main === undefined, module.id)',
    want: { code: 0 },
  },
  '-p': {
    script: '',
    command: ({ node }) => [node, '-p', '[typeof require, process.argv.length, module.children.length]'],
    want: { code: 0 },
  },
  'a REPL on a pipe': {
    script: '',
    command: ({ node }) => [node, '-i'],
    stdin: '1 + 1\nprocess.listenerCount("SIGINT")\n.exit\n',
    want: { code: 0, stdout: /2/ },
  },
  '--import beside --require': {
    script: plain,
    as: 'app.js',
    files: { 'first.mjs': `console.log('imported')` },
    nodeArgs: ['--import', './first.mjs'],
    want: { code: 3, stdout: 'imported\ngot\n' },
  },
  'the guard by --import': {
    script: plain,
    as: 'app.js',
    nodeOptions: preload => `--import ${preload}`,
    want: { code: 3 },
  },
  'the guard twice': {
    script: plain,
    nodeOptions: preload => `--require ${preload} --require ${preload}`,
    want: { code: 3 },
  },
  'the guard in NODE_OPTIONS and on the command line': {
    script: plain,
    command: ({ node, args, env }) => [node, '-r', env.NODE_OPTIONS?.split(' ').at(-1) ?? '', ...args],
    want: { code: 3 },
  },
  'another preload before it that listens': {
    script: plain,
    files: {
      'first.cjs': `process.on('SIGINT', () => process.exit(9)); process.on('exit', () => console.log('first exit'))`,
    },
    nodeOptions: preload => `--require ./first.cjs --require ${preload}`,
    want: { code: 3 },
  },
  'another preload after it that listens': {
    script: plain,
    files: {
      'second.cjs': `process.on('SIGINT', () => process.exit(9)); process.on('exit', () => console.log('second exit'))`,
    },
    nodeOptions: preload => `--require ${preload} --require ./second.cjs`,
    want: { code: 3 },
  },
  'a folder whose package.json says module': {
    script: 'console.log(typeof require)',
    as: 'app.js',
    files: { 'package.json': '{"type":"module"}' },
    command: ({ node }) => [node, 'app.js'],
    blur: text => text.replace(/[\s\S]*?ReferenceError/, 'ReferenceError').replace(/^ {4}at .*\n/gm, ''),
  },
  'a script that is missing': { script: '', command: ({ node }) => [node, 'missing.js'], want: { code: 1 } },
  'a syntax error': { script: 'const const', as: 'app.js', want: { code: 1 } },
  'a script that reads its own pid, title and ids': {
    script: `console.log(process.title, process.argv0, process.debugPort, require('worker_threads').threadId)`,
    want: { code: 0 },
  },
  'a child by fork': {
    script: `if (process.argv[2]) { look('child'); process.send('hi') } else { const c = require('child_process').fork(__filename, ['child']); c.on('message', m => console.log(m)); c.on('exit', (code, signal) => console.log(code, signal)) }`,
    as: 'app.js',
    want: { code: 0, stdout: 'hi\n0 null\n' },
  },
  'a helper whose output is parsed': {
    script: `const { spawnSync } = require('child_process'); const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', 'console.error("only this")'], { encoding: 'utf8' }); console.log(JSON.stringify({ stdout, stderr, status }))`,
    want: { code: 0, stdout: '{"stdout":"","stderr":"only this\\n","status":0}\n' },
  },
  'a helper behind a shell whose output is parsed': {
    script: `const { execSync } = require('child_process'); console.log(JSON.stringify(execSync(JSON.stringify(process.execPath) + ' -e "console.error(1)" 2>&1; true', { encoding: 'utf8' })))`,
    want: { code: 0, stdout: '"1\\n"\n' },
  },
  'a single executable': {
    // Its require knows only Node's own modules.
    script: '',
    full: true,
    from: 26,
    files: {
      'app.js': `const { look } = require('module').createRequire(__filename)(${JSON.stringify(LOOK)}); ${plain}`,
      'sea.json': '{"main":"app.js","output":"./app","disableExperimentalSEAWarning":true}',
    },
    command: ({ node }) => ['sh', '-c', `NODE_OPTIONS= ${node} --build-sea sea.json >/dev/null && ./app`],
    want: { code: 3, stdout: 'got\n' },
    events: ['heap-validated', 'memory', 'signal', 'shutdown'],
  },
}

t.jobs = 3
for (const [group, cases] of Object.entries({ replaced, flags, entries }))
  t.test(group, async t => {
    t.jobs = 3
    compareCases(t, cases)
  })
