// HTTP frameworks and their log: a request to itself, and a shutdown that the app does by itself.
import { keep, type Software } from '../case.ts'

/** Asks, prints what came back, and says that it is ready. */
const ask = (url: string): string => `(async () => {
  for (const path of ['/', '/json', '/missing', '/throws']) {
    const answer = await fetch(${url} + path, { headers: { connection: 'close' } })
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !['date', 'etag'].includes(name)))
    console.log(path, answer.status, JSON.stringify(headers), (await answer.text()).replace(/ at .*/gs, ''))
  }
  look('listening'); ready()
})()`
const quiet = `console.error = () => {};`
const close = (how: string): string =>
  `for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, async name => { console.log('closing', name); ${how}; console.log('closed') });`
const closed = (code = 0) => ({ code, stdout: /^\/ 200 .*\n\/json 200 [\s\S]*ready\nclosing SIGTERM\nclosed\n$/ })
const blurLog = (text: string): string =>
  text
    .replaceAll(/"time":\d+/g, '"time":0')
    .replaceAll(/"pid":\d+/g, '"pid":0')
    .replaceAll(/"(responseTime|remotePort)":[\d.]+/g, '"$1":0')
    .replaceAll(/(127\.0\.0\.1|localhost):\d+/g, '$1:0')
    .replaceAll(/^\[[\d:.]+\]/gm, '[time]')
    .replaceAll(/\(\d+\)/g, '(pid)')

/** The log, then what the app prints: which of client and server speaks first is a race without the guard too. */
const logFirst = (text: string): string => {
  const lines = blurLog(text).split('\n')
  const isLog = (line: string): boolean => line.startsWith('{"level"')
  return [...lines.filter(isLog), ...lines.filter(line => !isLog(line))].join('\n')
}

const fastify = (options: string): string => `
  const app = require('fastify')(${options})
  app.get('/', async () => 'hello'); app.get('/json', async () => ({ a: 1 })); app.get('/throws', async () => { throw new Error('planted') })
  app.addHook('onClose', async () => console.log('hook'))
  ${close('await app.close()')}
  app.listen({ port: 0, host: '127.0.0.1' }).then(url => ${ask('url')})`

export const servers: Readonly<Record<string, Software>> = {
  'a service that closes on SIGTERM': {
    folder: 'fastify',
    quick: true,
    script: fastify('{}'),
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 0, stdout: /^\/ 200 [\s\S]*ready\nclosing SIGTERM\nhook\nclosed\n$/ },
  },
  'a service with its log': {
    folder: 'fastify',
    script: fastify('{ logger: true }'),
    // The log of the fourth request's end may come after ready.
    steps: ['wait for ready', 'wait for "reqId":"req-4","res":{"statusCode":500},"responseTime"', 'SIGTERM'],
    blur: logFirst,
    want: { code: 0, stdout: /"msg":"request completed"/ },
  },
  'express: a service that closes on SIGTERM': {
    folder: 'express',
    quick: true,
    script: `${quiet} const app = require('express')(); app.get('/', (_, response) => response.send('hello')); app.get('/json', (_, response) => response.json({ a: 1 })); app.get('/throws', () => { throw new Error('planted') })
      const server = app.listen(0, '127.0.0.1', () => ${ask(`'http://127.0.0.1:' + server.address().port`)}); ${close('await new Promise(done => server.close(done))')}`,
    steps: ['wait for ready', 'SIGTERM'],
    want: closed(),
  },
  'express: no handler, SIGTERM': {
    folder: 'express',
    script: `${quiet} const app = require('express')(); app.get('/', (_, response) => response.send('hello')); const server = app.listen(0, '127.0.0.1', () => ${ask(`'http://127.0.0.1:' + server.address().port`)})`,
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM', stdout: /^\/ 200 [\s\S]*ready\n$/ },
  },
  'koa: a service that closes on SIGTERM': {
    folder: 'koa',
    quick: true,
    script: `const Koa = require('koa'); const app = new (Koa.default ?? Koa)(); app.silent = true; app.use(context => { if (context.path === '/throws') throw new Error('planted'); if (context.path === '/') context.body = 'hello'; if (context.path === '/json') context.body = { a: 1 } })
      const server = app.listen(0, '127.0.0.1', () => ${ask(`'http://127.0.0.1:' + server.address().port`)}); ${close('await new Promise(done => server.close(done))')}`,
    steps: ['wait for ready', 'SIGTERM'],
    want: closed(),
  },

  'a line a call': {
    folder: 'pino',
    script: `const log = require('pino')({ base: { a: 1 } }); log.info('one'); log.child({ b: 2 }).error(new Error('planted').message); look('logged')`,
    blur: blurLog,
    want: { code: 0, stdout: /"msg":"one"}\n.*"msg":"planted"}\n$/ },
  },
  'an asynchronous destination, flushed at process.exit': {
    folder: 'pino',
    quick: true,
    script: `const log = require('pino')(require('pino').destination({ sync: false, minLength: 4096 })); for (let i = 0; i < 100; i++) log.info({ i }); setTimeout(() => { look('logged'); process.exit(3) }, 200)`,
    blur: blurLog,
    want: { code: 3, stdout: /"i":0}\n[\s\S]*"i":99}\n$/ },
  },
  'an asynchronous destination, and SIGTERM with a handler': {
    folder: 'pino',
    script: `const log = require('pino')(require('pino').destination({ sync: false, minLength: 4096 })); process.on('SIGTERM', () => { log.info('last'); process.exit(0) }); log.info('first'); ${keep} ready()`,
    steps: ['wait for ready', 'SIGTERM'],
    blur: blurLog,
    want: { code: 0, stdout: /^ready\n.*first"}\n.*last"}\n$/ },
  },
  'a transport in a worker: a file': {
    folder: 'pino',
    quick: true,
    script: `const log = require('pino')({ transport: { target: 'pino/file', options: { destination: './app.log' } } }); log.info('one'); log.info('two'); setTimeout(() => look('logged'), 500)`,
    blur: blurLog,
    texts: /app\.log/,
    want: { code: 0, texts: { 'app.log': /one"}\n.*two"}\n$/ } },
  },
  'transports in a worker: pretty and a file, and an exception': {
    folder: 'pino',
    script: `const log = require('pino')({ transport: { targets: [{ target: 'pino-pretty', options: { colorize: false } }, { target: 'pino/file', options: { destination: './app.log' } }] } }); log.info('one'); setTimeout(() => { log.warn('two'); setTimeout(() => { throw new Error('planted') }, 300) }, 300)`,
    blur: text => blurLog(text).replaceAll(/^ {4}at .*\n/gm, ''),
    as: 'app.cjs',
    texts: /app\.log/,
    want: { code: 1, stdout: /INFO \(pid\): one\n.*WARN \(pid\): two/, stderr: /planted/ },
  },
  'a transport in a worker, and SIGTERM without a handler': {
    folder: 'pino',
    script: `const log = require('pino')({ transport: { target: 'pino/file', options: { destination: 1 } } }); log.info('one'); ${keep} setTimeout(ready, 500)`,
    steps: ['wait for ready', 'SIGTERM'],
    blur: blurLog,
    want: { signal: 'SIGTERM', stdout: /one"}\nready\n$/ },
  },
}
