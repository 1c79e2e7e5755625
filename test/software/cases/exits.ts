// What cleans up at the end: libraries that listen for signals and exits, and what is built on them.
import { keep, type Software } from '../case.ts'

const onExit3 = `const onExit = require('signal-exit'); onExit((code, signal) => console.log('bye', code, signal));`
const onExit4 = `const { onExit } = require('signal-exit'); onExit((code, signal) => console.log('bye', code, signal));`
const signalExit = (folder: string, load: string): Record<string, Software> => ({
  [`${folder}: SIGTERM`]: {
    folder,
    quick: true,
    script: `${load} ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: 'ready\nbye null SIGTERM\n' },
  },
  [`${folder}: SIGINT and SIGHUP beside a handler of the app`]: {
    folder,
    script: `${load} process.on('SIGINT', () => console.log('handled')); look('loaded'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGINT', 'wait for handled', 'SIGHUP'],
    want: { signal: 'SIGHUP', stdout: 'ready\nhandled\nbye null SIGHUP\n' },
  },
  [`${folder}: process.exit, and unload`]: {
    folder,
    script: `${load} const remove = onExit(() => console.log('never')); remove(); look('loaded'); process.exit(3)`,
    want: { code: 3, stdout: 'bye 3 null\n' },
  },
  [`${folder}: alwaysLast, by a signal to itself`]: {
    folder,
    script: `${load} onExit(() => console.log('last'), { alwaysLast: true }); onExit(() => console.log('second')); process.kill(process.pid, 'SIGTERM'); ${keep}`,
    want: { signal: 'SIGTERM', stdout: 'bye null SIGTERM\nsecond\nlast\n' },
  },
})

const grace = (options: string): string =>
  `require('close-with-grace')(${options}, async ({ signal, err }) => { console.log('closing', signal, err?.message); await new Promise(done => setTimeout(done, 50)); console.log('closed') });`

const nest = `
  require('reflect-metadata')
  const { Module, Controller, Get, Injectable } = require('@nestjs/common')
  const { NestFactory } = require('@nestjs/core')
  const say = name => ({ [name](signal) { console.log(name, signal) } })[name]
  class Service {}
  for (const name of ['onModuleInit', 'onApplicationBootstrap', 'onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'])
    Service.prototype[name] = say(name)
  Injectable()(Service)
  class Cats { find() { return { cats: 2 } } }
  Controller('cats')(Cats)
  Get()(Cats.prototype, 'find', Object.getOwnPropertyDescriptor(Cats.prototype, 'find'))
  class App {}
  Module({ controllers: [Cats], providers: [Service] })(App)
  NestFactory.create(App, { logger: ['error', 'warn'] }).then(async app => {
    app.enableShutdownHooks(HOOKS)
    await app.listen(0, '127.0.0.1')
    const answer = await fetch(await app.getUrl() + '/cats', { headers: { connection: 'close' } })
    console.log(answer.status, await answer.text())
    look('listening'); ready()
  })`

export const exits: Readonly<Record<string, Software>> = {
  ...signalExit('signal-exit-3', onExit3),
  ...signalExit('signal-exit-4', onExit4),

  'a lock is released when SIGTERM ends the process': {
    folder: 'proper-lockfile',
    quick: true,
    files: { data: 'x' },
    script: `const fs = require('fs'); require('proper-lockfile').lock('data').then(() => { console.log(fs.readdirSync('.').join()); ready() }); ${keep}`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: 'data,data.lock\nready\n', files: ['data'] },
  },
  'a lock is released at process.exit, and refused while it is held': {
    folder: 'proper-lockfile',
    files: { data: 'x' },
    script: `const { lock, check } = require('proper-lockfile'); (async () => { await lock('data'); console.log(await check('data')); await lock('data').catch(error => console.log(error.code)); look('held'); process.exit(4) })()`,
    want: { code: 4, stdout: 'true\nELOCKED\n', files: ['data'] },
  },

  'what a child says, how it ends, and that its stderr is its own': {
    folder: 'execa',
    quick: true,
    as: 'app.mjs',
    script: `import { execa } from 'execa'
      const tell = ({ exitCode, signal, stdout, stderr, all, failed, timedOut }) => console.log(JSON.stringify({ exitCode, signal, stdout, stderr, all, failed, timedOut }))
      tell(await execa('node', ['-e', 'console.log(1); console.error(2)'], { all: true }))
      tell(await execa({ reject: false })\`node -e process.exit(3)\`)
      tell(await execa('node', ['-e', 'setInterval(() => {}, 1000)'], { timeout: 300, reject: false }))
      tell(await execa('node', ['-p', 'process.argv.length', 'a'], { stderr: 'inherit' }))`,
    want: { code: 0, stdout: /"stderr":"2","all":"1\\n2"[\s\S]*"exitCode":3[\s\S]*"timedOut":true/ },
  },
  'its child ends with it': {
    folder: 'execa',
    as: 'app.mjs',
    files: {
      'child.cjs': `process.on('SIGTERM', () => { console.log('child told'); process.exit(0) }); ${keep} console.log('ready')`,
    },
    script: `import { execa } from 'execa'
      await execa('node', ['child.cjs'], { stdout: 'inherit', cleanup: true })`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: 'ready\nchild told\n' },
  },
  'a child of gracefulCancel and IPC': {
    folder: 'execa',
    as: 'app.mjs',
    files: {
      'child.mjs': `import { getCancelSignal, sendMessage } from 'execa'; const signal = await getCancelSignal(); signal.addEventListener('abort', () => { console.log('cancelled', signal.reason.message); process.exit(5) }); await sendMessage('up'); setInterval(() => {}, 1000)`,
    },
    script: `import { execa } from 'execa'
      const controller = new AbortController()
      const child = execa('node', ['child.mjs'], { ipc: true, cancelSignal: controller.signal, gracefulCancel: true, reject: false })
      console.log(await child.getOneMessage()); controller.abort(new Error('enough'))
      const { exitCode, isGracefullyCanceled, stdout } = await child; console.log(exitCode, isGracefullyCanceled, stdout)`,
    want: { code: 0, stdout: 'up\n5 true cancelled enough\n' },
  },

  'a signal goes through to the child, whose code comes back': {
    folder: 'foreground-child',
    quick: true,
    as: 'app.cjs',
    files: {
      'child.cjs': `process.on('SIGTERM', () => { console.log('child told'); process.exit(7) }); ${keep} console.log('ready')`,
    },
    script: `require('foreground-child').foregroundChild('node', ['child.cjs'])`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 7, stdout: 'ready\nchild told\n' },
  },
  'a child that dies of a signal takes its parent with it': {
    folder: 'foreground-child',
    as: 'app.cjs',
    files: { 'child.cjs': `process.kill(process.pid, 'SIGINT'); ${keep}` },
    script: `require('foreground-child').foregroundChild('node', ['child.cjs'], (code, signal) => { console.log(code, signal) })`,
    want: { signal: 'SIGINT', stdout: 'null SIGINT\n' },
  },

  'close-with-grace: SIGTERM': {
    folder: 'close-with-grace',
    quick: true,
    script: `${grace('{ delay: 5000 }')} look('loaded'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 0, stdout: 'ready\nclosing SIGTERM undefined\nclosed\n' },
  },
  'close-with-grace: a second signal': {
    folder: 'close-with-grace',
    script: `require('close-with-grace')({ delay: 9000, logger: { error: (...words) => console.log('error', ...words) } }, () => { console.log('closing'); return new Promise(() => {}) }); ${keep} ready()`,
    steps: ['wait for ready', 'SIGINT', 'wait for closing', 'SIGTERM'],
    want: { code: 1, stdout: /^ready\nclosing\nerror/ },
  },
  'close-with-grace: an exception that nobody catches': {
    folder: 'close-with-grace',
    script: `${grace('{ delay: 5000, logger: false }')} setTimeout(() => { throw new Error('planted') }, 50)`,
    want: { code: 1, stdout: 'closing undefined planted\nclosed\n' },
  },
  'close-with-grace: the delay is over': {
    folder: 'close-with-grace',
    script: `require('close-with-grace')({ delay: 200, logger: { error: (...words) => console.log('error', ...words) } }, () => new Promise(() => {})); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 1, stdout: /^ready\nerror/ },
  },

  'shutdown hooks, in order, with their signal': {
    folder: 'nestjs',
    script: nest.replace('HOOKS', ''),
    as: 'app.cjs',
    steps: ['wait for ready', 'SIGTERM'],
    want: {
      signal: 'SIGTERM',
      stdout:
        /200 \{"cats":2\}\nready\nonModuleDestroy undefined\nbeforeApplicationShutdown SIGTERM\nonApplicationShutdown SIGTERM\n$/,
    },
  },
  'shutdown hooks for SIGINT alone, and SIGTERM': {
    folder: 'nestjs',
    script: nest.replace('HOOKS', `['SIGINT']`),
    as: 'app.cjs',
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: /ready\n$/ },
  },

  'a server that drains: health, onSignal, onShutdown': {
    folder: 'terminus',
    quick: true,
    script: `const http = require('http'); const server = http.createServer((_, response) => response.end('hello'))
      require('@godaddy/terminus').createTerminus(server, { signals: ['SIGTERM', 'SIGINT'], timeout: 1000, healthChecks: { '/health': () => Promise.resolve() }, beforeShutdown: async () => console.log('before'), onSignal: async () => console.log('signal'), onShutdown: async () => console.log('shutdown'), logger: (...words) => console.log('log', ...words) })
      server.listen(0, async () => { const answer = await fetch('http://127.0.0.1:' + server.address().port + '/health', { headers: { connection: 'close' } }); console.log(answer.status, await answer.text()); look('listening'); ready() })`,
    steps: ['wait for ready', 'SIGINT'],
    want: { signal: 'SIGINT', stdout: /^200 .*\nready\nbefore\nsignal\nshutdown\n$/ },
  },
}
