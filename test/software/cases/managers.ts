// What starts an app, keeps it and stops it.
import { keep, plain, type Software, withoutPassedOn } from '../case.ts'

const service = `process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(3) }); process.on('SIGINT', () => { console.log('got SIGINT'); process.exit(4) }); ${keep} console.log('ready')`
const silent = 'held back: their stderr is captured, and they live for less than ten seconds'
/** All that a service's guard says, in order: what it held back for ten seconds too. */
const LIVED = /"event":"heap-validated"[\s\S]*"event":"shutdown"/
/** pm2's own log and table hold times, memory, pids. */
const pm2Blur = (text: string): string =>
  plain(text)
    .replaceAll(/^\d{4}-\d\d-\d\dT[\d:.]+: /gm, '')
    .replaceAll(/^.*(host metrics|[│┌├└]).*\n/gm, '')
    // Which of two workers is reloaded first.
    .replaceAll(/\(\d\) ✓/g, '(n) ✓')
    .replaceAll(/pid[= :(]+\d+/gi, 'pid')
    .replaceAll(/\b\d+(\.\d+)?(ms|mb|s|kb)\b/gi, '<n>')
const pm2 = (script: string): string =>
  `export PM2_HOME=$PWD/pm2; pm2=../../node_modules/.bin/pm2; ${script}; $pm2 kill --silent; cat pm2/logs/app-*.log`

export const managers: Readonly<Record<string, Software>> = {
  'start, restart, stop: its log, and the code of the app': {
    folder: 'pm2',
    script: `${service}; process.send('ready')`,
    as: 'app.js',
    blur: pm2Blur,
    mostMs: 120_000,
    silent,
    command: () => [
      'sh',
      '-c',
      pm2(
        `$pm2 start app.js --name app --wait-ready; $pm2 restart app; $pm2 stop app; $pm2 jlist | grep -o '"status":"[a-z]*"'`,
      ),
    ],
    want: { code: 0, stdout: /ready\ngot SIGINT\nready\ngot SIGINT\n/ },
  },
  'two in a cluster, and reload': {
    folder: 'pm2',
    script: `process.on('SIGINT', () => { console.log('stopping'); process.exit(0) }); require('http').createServer((_, response) => response.end('x')).listen(0, '127.0.0.1', () => process.send('ready'))`,
    as: 'app.js',
    blur: pm2Blur,
    mostMs: 120_000,
    silent,
    command: () => [
      'sh',
      '-c',
      pm2(
        `$pm2 start app.js --name app -i 2 --wait-ready; $pm2 reload app; $pm2 jlist | grep -o '"status":"[a-z]*"'; $pm2 delete app`,
      ),
    ],
    want: { code: 0, stdout: /"status":"online"\n"status":"online"\n[\s\S]*stopping\n/ },
  },
  'pm2-runtime and SIGTERM': {
    folder: 'pm2',
    script: service,
    as: 'app.js',
    // What the app says comes through a pipe, its end through another way: either may be first.
    blur: text => pm2Blur(text).replace(/(.*exited with code.*\n)(got SIGINT\n)/, '$2$1'),
    mostMs: 120_000,
    steps: ['wait for ready', 'SIGTERM'],
    command: () => ['sh', '-c', 'PM2_HOME=$PWD/pm2 exec ../../node_modules/.bin/pm2-runtime start app.js'],
    want: { stdout: /ready[\s\S]*got SIGINT/ },
  },
  'two services, and one that fails takes the other': {
    folder: 'concurrently',
    quick: true,
    script: service,
    as: 'app.js',
    files: { 'fails.js': `setTimeout(() => { console.error('failing'); process.exit(5) }, 1500)` },
    command: () => [
      '../../node_modules/.bin/concurrently',
      '--no-color',
      '--kill-others',
      '--names',
      'a,b',
      'node app.js',
      'node fails.js',
    ],
    want: { code: 1, stdout: /\[a\] ready[\s\S]*\[b\] failing[\s\S]*exited with code 5[\s\S]*\[a\] got SIGTERM/ },
  },
  'concurrently and Ctrl+C': {
    folder: 'concurrently',
    script: service,
    as: 'app.js',
    steps: ['wait for ready', 'all SIGINT'],
    command: () => ['../../node_modules/.bin/concurrently', '--no-color', 'node app.js'],
    want: { stdout: /ready[\s\S]*got SIGINT/ },
  },
  'concurrently: a service that lives for more than ten seconds speaks': {
    folder: 'concurrently',
    script: `console.log('up'); setTimeout(() => { console.log('over'); process.exitCode = 3 }, 11_500)`,
    as: 'app.js',
    blur: withoutPassedOn,
    says: LIVED,
    command: () => ['../../node_modules/.bin/concurrently', '--no-color', 'node app.js'],
    want: { code: 1, stdout: /^\[0\] up\n\[0\] over\n/ },
  },
  'a service that lives for more than ten seconds speaks': {
    folder: 'pm2',
    script: `console.log('up'); setTimeout(() => { console.log('over'); process.exit(0) }, 11_500)`,
    as: 'app.js',
    blur: text => withoutPassedOn(pm2Blur(text)),
    mostMs: 120_000,
    silent,
    says: LIVED,
    command: () => [
      'sh',
      '-c',
      pm2(`$pm2 start app.js --name app --no-autorestart; until grep -q over pm2/logs/app-out.log; do sleep 0.5; done`),
    ],
    want: { code: 0, stdout: /up\nover\n/ },
  },
  'a change starts it again, SIGTERM ends both': {
    folder: 'nodemon',
    script: `process.on('SIGUSR2', () => { console.log('restarting'); process.exit(0) }); ${service}; console.log(require('fs').readFileSync('data.json', 'utf8'))`,
    as: 'app.js',
    files: { 'data.json': '1', 'touch.sh': 'sleep 1.5; echo 2 > data.json' },
    steps: ['wait for restarting', 'wait for 2\n', 'SIGTERM'],
    command: () => [
      'sh',
      '-c',
      'sh touch.sh & exec ../../node_modules/.bin/nodemon --delay 100ms --ext js,json app.js',
    ],
    want: { stdout: /ready\n1[\s\S]*restarting[\s\S]*ready\n2/ },
  },
  'an app that crashes, and Ctrl+C': {
    folder: 'nodemon',
    script: `console.log('up'); setTimeout(() => { throw new Error('planted') }, 100)`,
    as: 'app.js',
    steps: ['wait for app crashed', 'all SIGINT'],
    blur: text => text.replaceAll(/^ {4}at .*\n/gm, ''),
    command: () => ['../../node_modules/.bin/nodemon', 'app.js'],
    want: { stdout: /up\n[\s\S]*app crashed/ },
  },
}
