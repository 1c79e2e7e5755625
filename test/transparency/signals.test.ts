// Signals: what comes of them, from every phase and with every way of listening, is what comes of them without the guard.
import { resolve } from 'node:path'
import t from 'tap'
import { type Case, compareCases, IS_FULL } from './harness.ts'

const keep = 'setInterval(() => {}, 1000);'
const self = (signal: string): string => `process.kill(process.pid, '${signal}');`
const quit = (signal: string): string =>
  `process.on('${signal}', (...args) => { look('in the handler'); console.log('got', ...args); process.exit(7) });`
const warned = `process.on('warning', w => console.log(w.name, w.count, w.message));`
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** From where the app sends itself a signal. */
const PHASES: Readonly<Record<string, (send: string) => string>> = {
  'the main script': send => send,
  // One of 1 ms is due before the loop's first poll or not, and by that the signal is read or not where nothing else is to do.
  'a timer': send => `setTimeout(() => { ${send} }, 50);`,
  setImmediate: send => `setImmediate(() => { ${send} });`,
  'an I/O callback': send => `require('fs').stat('/', () => { ${send} });`,
  nextTick: send => `process.nextTick(() => { ${send} });`,
  'a promise': send => `Promise.resolve().then(() => { ${send} });`,
  beforeExit: send => `process.once('beforeExit', () => { ${send} });`,
  exit: send => `process.on('exit', () => { ${send} });`,
}

const cases: Record<string, Case> = {}
for (const signal of SIGNALS) {
  cases[`no handler, ${signal}`] = {
    script: `${keep} look('start'); ready()`,
    steps: ['wait for ready', signal],
    want: { signal },
    fallback: true,
  }
  cases[`a handler, ${signal}`] = {
    script: `${quit(signal)} look('listening'); ${keep} ready()`,
    steps: ['wait for ready', signal],
    want: { code: 7, stdout: /got/ },
    // A visible listener is what the fallback cannot hide from listenerCount.
    ...(signal === 'SIGHUP' ? { fallback: true } : {}),
  }
}
for (const [phase, from] of Object.entries(PHASES)) {
  cases[`a signal to itself from ${phase}, no handler`] = { script: `${from(self('SIGTERM'))}`, fallback: IS_FULL }
  cases[`a signal to itself from ${phase}, a handler`] = {
    script: `process.on('SIGTERM', () => console.log('got')); ${from(self('SIGTERM'))}`,
    // Whether the signal is read before an empty loop ends is a race.
    attempts: 5,
    fallback: IS_FULL,
  }
  cases[`a signal to itself from ${phase}, a handler and more to do`] = {
    script: `process.on('SIGINT', () => console.log('got')); ${from(self('SIGINT'))} setTimeout(() => console.log('over'), 150)`,
    fallback: IS_FULL,
    full: true,
  }
}

Object.assign(cases, {
  once: {
    script: `process.once('SIGTERM', () => console.log('first')); look('once'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM', 'wait for first', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: 'ready\nfirst\n' },
  },
  off: {
    script: `const f = () => {}; process.on('SIGTERM', f); look('on'); process.off('SIGTERM', f); look('off'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM' },
  },
  'off and on': {
    script: `const f = () => {}; process.on('SIGTERM', f); process.off('SIGTERM', f); ${quit('SIGTERM')} look('on'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 7 },
  },
  removeAllListeners: {
    script: `process.on('SIGTERM', () => {}); process.on('SIGTERM', () => {}); process.removeAllListeners('SIGTERM'); look('none'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM' },
    fallback: true,
  },
  prependListener: {
    script: `process.on('SIGTERM', () => console.log('b')); process.prependListener('SIGTERM', () => console.log('a')); process.prependOnceListener('SIGTERM', () => console.log('0')); process.on('SIGTERM', () => process.exit(0)); look('four'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 0, stdout: 'ready\n0\na\nb\n' },
  },
  'two signals and SIGKILL': {
    script: `let n = 0; process.on('SIGTERM', () => console.log('n' + ++n)); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM', 'wait for n1', 'SIGTERM', 'wait for n2', 'SIGKILL'],
    want: { signal: 'SIGKILL', stdout: 'ready\nn1\nn2\n' },
    events: ['heap-validated', 'memory', 'signal', 'signal'],
    fallback: false,
  },
  'ten listeners': {
    script: `${warned} for (let i = 0; i < 10; i++) process.on('SIGTERM', () => {}); look('ten')`,
    want: { code: 0, stdout: '' },
  },
  'eleven listeners': {
    script: `${warned} for (let i = 0; i < 11; i++) process.on('SIGTERM', () => {}); look('eleven')`,
    want: { stdout: /MaxListenersExceededWarning 11/ },
  },
  'ten listeners for exit': {
    script: `${warned} for (let i = 0; i < 9; i++) process.on('exit', () => {}); look('nine'); process.on('exit', () => {})`,
    want: { code: 0, stdout: '' },
  },
  'eleven listeners for exit': {
    script: `${warned} for (let i = 0; i < 11; i++) process.on('exit', () => {})`,
    want: { stdout: /MaxListenersExceededWarning 11/ },
  },
  'as many listeners for newListener as go without a warning': {
    script: `${warned} for (let i = 0; i < 8; i++) process.on('newListener', () => {}); process.on('exit', () => {})`,
    want: { code: 0, stdout: '' },
  },
  'setMaxListeners(1) and one listener': {
    script: `${warned} process.setMaxListeners(1); process.on('SIGTERM', () => {}); process.on('exit', () => {}); setImmediate(() => {})`,
    want: { code: 0, stdout: '' },
  },
  'setMaxListeners lowered below what is there': {
    script: `process.on('warning', ({ message }) => console.log(message)); const on = () => process.on('exit', () => {})
      on(); on(); on(); process.setMaxListeners(2); on(); setImmediate(() => {})`,
    want: { code: 0, stdout: /4 exit listeners added to \[process\]/ },
  },
  'setMaxListeners(1.5)': {
    script: `${warned} process.setMaxListeners(1.5); process.on('exit', () => {}); setImmediate(() => {})`,
    want: { code: 0, stdout: '' },
  },
  'setMaxListeners(0), and twenty listeners': {
    script: `${warned} process.setMaxListeners(0); for (let i = 0; i < 20; i++) process.on('exit', () => {}); setImmediate(() => {})`,
    want: { code: 0, stdout: '' },
    events: ['heap-validated', 'shutdown'],
  },
  'process.emit by hand': {
    script: `process.on('SIGTERM', (...args) => console.log('by hand', ...args)); process.emit('SIGTERM', 'SIGTERM', 15); console.log(process.emit('SIGINT'))`,
    want: { code: 0, stdout: 'by hand SIGTERM 15\nfalse\n' },
    events: ['heap-validated', 'shutdown'],
  },
  'a patched process.emit': {
    script: `const { emit } = process; process.emit = function (name, ...args) { console.log('emit', name); return emit.call(this, name, ...args) }; ${quit('SIGTERM')} look('patched'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 7, stdout: /emit SIGTERM/ },
  },
  'an async_hooks init hook that emits while Node makes the handle': {
    script: `require('async_hooks').createHook({ init(id, type) { if (type === 'SIGNALWRAP') process.emit('app-event', type) } }).enable()
      process.on('app-event', type => console.log(type)); ${quit('SIGTERM')} console.log(Object.hasOwn(process, 'emit'))`,
    want: { code: 0, stdout: 'SIGNALWRAP\nfalse\n' },
    events: ['heap-validated', 'shutdown'],
  },
  'AsyncLocalStorage in a handler': {
    script: `const { AsyncLocalStorage } = require('async_hooks'); const als = new AsyncLocalStorage(); als.run('mine', () => process.on('SIGTERM', () => { console.log(als.getStore()); process.exit(0) })); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 0 },
  },
  'a blocked loop, no handler': {
    script: `ready(); setImmediate(() => { for (;;) {} })`,
    steps: ['wait for ready', 'SIGINT'],
    want: { signal: 'SIGINT' },
    fallback: true,
  },
  'a blocked loop and a handler that only runs afterwards': {
    script: `process.on('SIGTERM', () => console.log('got')); require('fs').writeSync(1, 'ready\\n'); const end = Date.now() + 700; while (Date.now() < end); setImmediate(() => console.log('unblocked'))`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 0 },
  },
  'a handler that throws': {
    script: `process.on('SIGTERM', () => { throw new Error('thrown by the app') }); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 1, stderr: /thrown by the app/ },
    blur: text => text.replace(/^ {4}at .*\n/gm, ''),
  },
  'vm with breakOnSigint': {
    script: `process.on('SIGINT', () => console.log('got')); try { require('fs').writeSync(1, 'ready\\n'); require('vm').runInThisContext('for (;;) {}', { breakOnSigint: true }) } catch (error) { console.log(error.code) } look('after'); process.kill(process.pid, 'SIGINT'); setTimeout(() => process.exit(3), 100)`,
    steps: ['wait for ready', kill => new Promise(done => setTimeout(() => done(kill('SIGINT')), 300))],
    want: { code: 3, stdout: /ERR_SCRIPT_EXECUTION_INTERRUPTED/ },
  },
  'cluster: a primary that tells its workers, and a worker that handles it': {
    script: `const cluster = require('cluster'); if (cluster.isPrimary) { const w = cluster.fork(); w.on('exit', (code, signal) => { console.log('worker', code, signal); process.exit(5) }); process.on('SIGTERM', () => { console.log('primary'); w.kill('SIGTERM') }); w.on('message', () => ready()) } else { process.on('SIGTERM', () => process.exit(4)); look('worker'); process.send('up'); }`,
    as: 'app.js',
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 5, stdout: /primary\nworker/ },
  },
  'cluster: a worker without a handler': {
    script: `const cluster = require('cluster'); if (cluster.isPrimary) { const w = cluster.fork(); w.on('exit', (code, signal) => { console.log('worker', code, signal); process.exit(5) }); w.on('message', () => process.kill(w.process.pid, 'SIGTERM')) } else { process.send('up'); setInterval(() => {}, 1000) }`,
    as: 'app.js',
    want: { code: 5, stdout: 'worker null SIGTERM\n' },
  },
  'a worker thread that listens': {
    script: `const { Worker } = require('worker_threads'); process.on('SIGTERM', () => { console.log('main'); process.exit(2) }); new Worker("process.on('SIGTERM', () => console.log('never')); require('worker_threads').parentPort.postMessage('x'); setInterval(() => {}, 1000)", { eval: true }).on('message', ready)`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 2, stdout: 'ready\nmain\n' },
  },
  'signal-exit 4': {
    script: `require(${JSON.stringify(resolve('node_modules/signal-exit'))}).onExit((code, signal) => console.log('bye', code, signal)); look('loaded'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: 'ready\nbye null SIGTERM\n' },
  },
  'SIGUSR2, SIGWINCH, SIGPIPE and SIGCHLD are none of its business': {
    script: `for (const s of ['SIGUSR2', 'SIGWINCH', 'SIGPIPE', 'SIGCHLD']) process.on(s, s => console.log(s)); look('on'); process.kill(process.pid, 'SIGUSR2'); setTimeout(() => process.exit(0), 100)`,
    want: { code: 0, stdout: 'SIGUSR2\n' },
  },
} satisfies Record<string, Case>)

t.jobs = 3
compareCases(t, cases)
