// What Node's own tests poke at: flags, loaders, snapshots and modules that look at the process from a side.
import t from 'tap'
import { type Case, compareCases } from './harness.ts'

/** Long enough for ticks of the guard's timer. */
const TICKS = { HEAPGUARD_INTERVAL_MS: '20' }
const later = (script: string): string => `setTimeout(() => { ${script} }, 120);`

const modules: Record<string, Case> = {
  'domains: an error in a timer': {
    script: `const d = require('domain').create(); d.on('error', e => { console.log(e.message, process.domain === null || process.domain === undefined); look('caught') }); d.run(() => setTimeout(() => { throw new Error('planted') }, 50))`,
    want: { code: 0, stdout: 'planted true\n' },
  },
  'domains: a signal handler inside one': {
    script: `const d = require('domain').create(); d.on('error', e => { console.log('caught', e.message); process.exit(6) }); d.run(() => process.on('SIGTERM', () => { throw new Error('planted') })); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)`,
    want: {},
  },
  setUncaughtExceptionCaptureCallback: {
    script: `process.setUncaughtExceptionCaptureCallback(e => { console.log('captured', e.message) }); console.log(process.hasUncaughtExceptionCaptureCallback()); setTimeout(() => { throw new Error('planted') }, 50); ${later(`process.setUncaughtExceptionCaptureCallback(null); throw new Error('last')`)}`,
    want: { code: 1, stdout: 'true\ncaptured planted\n', stderr: /last/ },
  },
  'exit listeners and their order': {
    script: `process.on('exit', () => console.log('second')); process.prependListener('exit', () => console.log('first')); process.once('exit', code => { process.exitCode = 7; console.log('third', code) }); process.on('exit', code => console.log('fourth', code)); process.on('beforeExit', () => console.log('before'))`,
    want: { code: 7, stdout: 'before\nfirst\nsecond\nthird 0\nfourth 0\n' },
  },
  'an exit listener that throws': {
    script: `process.on('exit', () => { throw new Error('planted') })`,
    want: { code: 1, stderr: /planted/ },
    blur: text => text.replace(/^ {4}at .*\n/gm, ''),
  },
  'process.binding and its deprecation': {
    script: `console.log(Object.keys(process.binding('util')).length > 0); process.binding('fs')`,
    nodeArgs: ['--pending-deprecation'],
    want: { code: 0, stdout: 'true\n', stderr: /DEP0111/ },
  },
  'what is active': {
    script: `const show = () => console.log(process._getActiveHandles().length, process._getActiveRequests().length, process.getActiveResourcesInfo().filter(name => !/Wrap|Pipe|TTY/.test(name)).join()); show(); ${later('show()')}`,
    env: TICKS,
    want: { code: 0 },
  },
  'trace events of v8 and node': {
    script: `console.log(require('trace_events').getEnabledCategories())`,
    nodeArgs: ['--trace-event-categories', 'node.bootstrap,node.environment'],
    want: { code: 0, stdout: /node\.bootstrap/, files: ['node_trace.1.log'] },
  },
  'eventLoopUtilization and nodeTiming': {
    script: `const { eventLoopUtilization, nodeTiming } = require('perf_hooks').performance; const first = eventLoopUtilization(); console.log(first.active, first.idle, nodeTiming.loopStart); ${later(`const { idle, utilization } = eventLoopUtilization(); console.log(idle > 0, utilization < 1)`)}`,
    want: { code: 0, stdout: '0 0 -1\ntrue true\n' },
  },
  'a monitor of the event loop and an observer of gc and marks': {
    script: `const { monitorEventLoopDelay, PerformanceObserver, performance } = require('perf_hooks'); const seen = []; new PerformanceObserver(list => seen.push(...list.getEntries().map(entry => entry.entryType + entry.name))).observe({ entryTypes: ['mark', 'measure', 'function', 'net', 'dns', 'http'] }); const h = monitorEventLoopDelay(); h.enable(); performance.mark('a'); ${later(`h.disable(); console.log(h.count > 0, seen.join(), performance.getEntries().map(({ name }) => name).join())`)}`,
    env: TICKS,
    want: { code: 0, stdout: 'true marka a\n' },
  },
  'process.report': {
    script: `const r = process.report.getReport(); console.log(Object.keys(r).join(), Object.keys(r.header).join(), r.header.commandLine.length, r.workers.length, r.libuv.map(({ type, is_referenced }) => type + is_referenced).sort().join(), r.javascriptStack.message)`,
    want: { code: 0 },
  },
  'vm contexts with globals of their own': {
    script: `const vm = require('vm'); const c = vm.createContext({ console, x: 1 }); vm.runInContext('globalThis.y = x + 1; Object.prototype.toJSON = () => 1', c); console.log(c.y, Object.keys(c).join(), vm.runInNewContext('Object.getOwnPropertyNames(globalThis).sort().join()')); try { vm.runInNewContext('for (;;) {}', {}, { timeout: 50 }) } catch (e) { console.log(e.code) } look('then')`,
    want: { code: 0, stdout: /ERR_SCRIPT_EXECUTION_TIMEOUT\n$/ },
  },
  'v8.setFlagsFromString exposes gc': {
    script: `require('v8').setFlagsFromString('--expose-gc'); const gc = require('vm').runInNewContext('gc'); gc(); console.log(typeof gc, typeof globalThis.gc); look('then')`,
    want: { code: 0, stdout: 'function undefined\n' },
  },
  'v8.setFlagsFromString and --expose-gc after ticks': {
    script: later(`require('v8').setFlagsFromString('--max-old-space-size=300'); gc(); console.log('collected')`),
    nodeArgs: ['--expose-gc'],
    env: TICKS,
    want: { code: 0, stdout: 'collected\n' },
  },
  wasi: {
    script: `const { WASI } = require('wasi'); const wasi = new WASI({ version: 'preview1', args: ['a'], env: { B: '1' }, returnOnExit: true }); console.log(Object.keys(wasi.getImportObject()).join()); WebAssembly.instantiate(Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])).then(({ instance }) => console.log(Object.keys(instance.exports).length))`,
    want: { code: 0, stdout: 'wasi_snapshot_preview1\n0\n', stderr: /ExperimentalWarning/ },
  },
  'AsyncLocalStorage and async ids that belong together': {
    script: `const { AsyncLocalStorage, executionAsyncId, triggerAsyncId } = require('async_hooks'); console.log(executionAsyncId(), triggerAsyncId()); const s = new AsyncLocalStorage(); s.run(1, () => setTimeout(() => console.log(s.getStore()), 60)); s.enterWith(2); ${later('console.log(s.getStore())')}`,
    env: TICKS,
    want: { code: 0, stdout: '1 0\n1\n2\n' },
  },
  'a module loaded list that require asks for': {
    script: `console.log(module.children.length, require.main === module, require('module').builtinModules.length, process.mainModule === module)`,
    as: 'app.js',
    want: { code: 0 },
  },
}

const processes: Record<string, Case> = {
  'fork, IPC and disconnect': {
    script: `if (process.argv[2]) { process.on('message', m => { process.on('disconnect', () => { console.log('disconnected', process.connected); look('child') }); process.send(m + 1) }) } else { const c = require('child_process').fork(__filename, ['child']); c.send(1); c.on('message', m => { console.log(m); c.disconnect() }); c.on('exit', (code, signal) => console.log(code, signal)) }`,
    as: 'app.js',
    want: { code: 0, stdout: '2\ndisconnected false\n0 null\n' },
  },
  'a worker with execArgv, env, and streams of its own': {
    script: `const { Worker, isMainThread, workerData, SHARE_ENV } = require('worker_threads'); if (isMainThread) { const w = new Worker(__filename, { execArgv: ['--no-warnings'], env: { A: '1' }, stdout: true, stderr: true, workerData: 1 }); let out = ''; w.stdout.on('data', d => out += d); w.stderr.on('data', d => out += d); w.on('exit', code => { console.log(code, JSON.stringify(out)); new Worker(__filename, { env: SHARE_ENV }).on('exit', code => { console.log(code, process.env.SET) }) }) } else { console.log(Object.keys(process.env).join().slice(0, 3), process.execArgv.join(), process.listenerCount('exit'), process.eventNames().join()); process.env.SET = 'by the worker'; process.exit(workerData ? 4 : 5) }`,
    as: 'app.js',
    want: { code: 0, stdout: /^4 "A[\s\S]*\n5 by the worker\n$/ },
  },
  'a worker that is terminated, and one that throws': {
    script: `const { Worker } = require('worker_threads'); new Worker('for (;;) {}', { eval: true }).on('online', function () { this.terminate().then(code => console.log('terminated', code)) }).on('exit', () => new Worker('throw new Error("planted")', { eval: true }).on('error', e => console.log(e.message)).on('exit', code => { console.log(code); look('then') }))`,
    want: { code: 0, stdout: 'terminated 1\nplanted\n1\n' },
  },
  'a worker that runs out of its own memory': {
    script: `const { Worker } = require('worker_threads'); new Worker('const a = []; for (;;) a.push(new Array(1000).fill(0).map(() => ({})))', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } }).on('error', e => console.log(e.code)).on('exit', code => console.log(code))`,
    // A heap flag in NODE_OPTIONS would override the worker's own limit, and V8 may be at 384 MB for a minute.
    nodeOptions: preload => `--require ${preload}`,
    want: { code: 0, stdout: 'ERR_WORKER_OUT_OF_MEMORY\n1\n' },
    blur: text => text.replace(/^(?:<---|\[\d+:|.*(?:Mark-Compact|Scavenge|FATAL)).*\n/gm, '').replace(/\n+/g, '\n'),
  },
  'SIGUSR1 starts the inspector': {
    script: `process.on('SIGTERM', () => process.exit(3)); ready()`.replace(
      'ready()',
      `setInterval(() => require('inspector').url() && console.log('listens'), 20); ready()`,
    ),
    nodeArgs: ['--inspect-port=0'],
    steps: ['wait for ready', 'SIGUSR1', 'wait for listens', 'SIGTERM'],
    want: { code: 3, stderr: /Debugger listening/ },
    blur: text => text.replace(/ws:\S+/g, 'ws:').replace(/(listens\n)+/g, 'listens\n'),
  },
  'SIGUSR1 and a listener of the app': {
    script: `process.on('SIGUSR1', () => { console.log('own'); process.exit(3) }); setInterval(() => {}, 1000); ready()`,
    steps: ['wait for ready', 'SIGUSR1'],
    want: { code: 3, stdout: 'ready\nown\n' },
  },
}

const loadHook = `export async function load(url, context, next) { const r = await next(url, context); return url.endsWith('dep.mjs') ? { ...r, source: String(r.source).replace('plain', 'hooked') } : r }`
const entries: Record<string, Case> = {
  'a user-land snapshot: built, then run': {
    script: `const v8 = require('v8').startupSnapshot; globalThis.kept = { n: 1 }; v8.addSerializeCallback(() => console.log('serialize')); v8.addDeserializeCallback(() => console.log('deserialize')); v8.setDeserializeMainFunction(() => { process.on('SIGTERM', () => { console.log('got'); process.exit(3) }); console.log(globalThis.kept.n, process.argv.length); setTimeout(() => { process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000) }, 100) })`,
    as: 'app.js',
    command: ({ node }) => [
      'sh',
      '-c',
      `${node} --snapshot-blob app.blob --build-snapshot app.js && ${node} --snapshot-blob app.blob x`,
    ],
    want: { code: 3, stdout: 'serialize\ndeserialize\n1 2\ngot\n' },
    blur: text => text.replace(/^.*(?:Warning|--trace-warnings).*\n/gm, ''),
  },
  'module.register: hooks on a thread of their own': {
    script: `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url); const { it } = await import('./dep.mjs'); console.log(it)`,
    as: 'app.mjs',
    files: { 'hooks.mjs': loadHook, 'dep.mjs': `export const it = 'plain'` },
    want: { code: 0, stdout: 'hooked\n' },
    blur: text => text.replace(/^.*(?:Warning|--trace-).*\n/gm, ''),
  },
  'a --import that registers hooks, and a CommonJS entry': {
    script: `import('./dep.mjs').then(({ it }) => { console.log(it); look('then') })`,
    as: 'app.cjs',
    files: {
      'first.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url)`,
      'hooks.mjs': loadHook,
      'dep.mjs': `export const it = 'plain'`,
    },
    nodeArgs: ['--import', './first.mjs'],
    want: { code: 0, stdout: 'hooked\n' },
    blur: text => text.replace(/^.*(?:Warning|--trace-).*\n/gm, ''),
  },
  '--experimental-loader': {
    script: `import { it } from './dep.mjs'; console.log(it)`,
    as: 'app.mjs',
    files: { 'hooks.mjs': loadHook, 'dep.mjs': `export const it = 'plain'` },
    nodeArgs: ['--experimental-loader', './hooks.mjs'],
    want: { code: 0, stdout: 'hooked\n' },
    to: 25,
    blur: text => text.replace(/^.*(?:Warning|--trace-|--import).*\n/gm, ''),
  },
  'a TypeScript entry': {
    script: `const n: number = 3; process.on('SIGTERM', (): never => process.exit(n)); setTimeout((): void => { process.kill(process.pid, 'SIGTERM'); setTimeout((): void => {}, 5000) }, 100)`,
    as: 'app.ts',
    from: 22,
    want: { code: 3 },
  },
  'a typo in TypeScript': {
    script: `enum A { B } console.log(A.B)`,
    as: 'app.ts',
    from: 22,
    to: 25,
    want: { code: 1, stderr: /ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX/ },
  },
  'require of an ES module, and a top-level await in it': {
    script: `console.log(require('./a.mjs').a); try { require('./b.mjs') } catch (e) { console.log(e.code) }`,
    as: 'app.js',
    files: { 'a.mjs': 'export const a = 1', 'b.mjs': 'await 0; export const a = 1' },
    from: 22,
    want: { code: 0, stdout: '1\nERR_REQUIRE_ASYNC_MODULE\n' },
  },
  'a compile cache': {
    script: `require('module').enableCompileCache('cache'); console.log(require('./dep.js'))`,
    as: 'app.js',
    files: { 'dep.js': 'module.exports = 1' },
    from: 22,
    want: { code: 0, stdout: '1\n' },
    blur: text => text.replace(/cache.*/g, 'cache'),
  },
  NODE_COMPILE_CACHE: {
    script: `console.log(require('./dep.js'))`,
    as: 'app.js',
    files: { 'dep.js': 'module.exports = 1' },
    env: { NODE_COMPILE_CACHE: 'cache' },
    from: 22,
    want: { code: 0, stdout: '1\n' },
    blur: text => text.replace(/cache.*/g, 'cache'),
  },
}

t.jobs = 3
for (const [group, cases] of Object.entries({ modules, processes, entries }))
  t.test(group, async t => {
    t.jobs = 3
    compareCases(t, cases)
  })
