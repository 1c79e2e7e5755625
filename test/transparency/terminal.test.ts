// On a terminal: Ctrl+C while it idles and while it is busy, raw mode, a REPL.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import t from 'tap'
import { type Case, compareCases } from './harness.ts'

const TERMINAL = resolve('test/transparency/terminal.py')
const python = spawnSync('python3', ['-c', 'import pty, termios'])
const skip = python.status === 0 ? undefined : 'no python3 with its pty module here'
// The kernel throws away what is still in the terminal when Ctrl+C makes a signal, at times its own echo `^C` too.
const withoutText = (text: string): string =>
  text
    .replaceAll(/\d\d:\d\d:\d\dZ heapguard\[\d+\] .*\n/g, '')
    .replaceAll(/\n+/g, '\n')
    .replace(/\n\^C(?=\nsettings)/, '')

const on = (script: string, steps: readonly string[], end: string | RegExp, more: Partial<Case> = {}): Case => ({
  script,
  as: 'app.js',
  command: ({ node, args }) => ['python3', TERMINAL, ...steps, '--', node, ...args],
  want: { code: 0, stdout: end },
  // The guard's own lines are text here, and come in between.
  blur: withoutText,
  skip,
  ...more,
})
const keep = 'setInterval(() => {}, 1000);'

t.jobs = 3
compareCases(t, {
  'Ctrl+C, idle, no handler': on(`look('start'); ${keep} ready()`, ['wait:ready', 'type:\\x03'], /signal 2/, {
    fallback: true,
  }),
  'Ctrl+C, busy, no handler': on(
    `ready(); setImmediate(() => { for (;;) {} })`,
    ['wait:ready', 'type:\\x03'],
    /signal 2/,
    { fallback: true },
  ),
  'Ctrl+C and a handler': on(
    `process.on('SIGINT', () => { look('got'); process.exit(4) }); ${keep} ready()`,
    ['wait:ready', 'type:\\x03'],
    /code 4/,
  ),
  'Ctrl+C twice and a handler that hears one': on(
    `process.once('SIGINT', () => console.log('once more')); ${keep} ready()`,
    ['wait:ready', 'type:\\x03', 'wait:once more', 'type:\\x03'],
    /signal 2/,
  ),
  'raw mode: Ctrl+C is a character': on(
    `process.stdin.setRawMode(true).on('data', data => { console.log([...data]); process.exit(3) }); look('raw'); ready()`,
    ['wait:ready', 'type:\\x03'],
    /\[ 3 \]\s+settings (as before|gone)\s+code 3/,
  ),
  'raw mode and SIGTERM without a handler: the terminal is put back': on(
    `process.stdin.setRawMode(true).resume(); ready()`,
    ['wait:ready', 'signal:SIGTERM'],
    /signal 15/,
    { fallback: true },
  ),
  'raw mode and SIGINT without a handler, busy': on(
    `process.stdin.setRawMode(true).resume(); ready(); setImmediate(() => { for (;;) {} })`,
    ['wait:ready', 'signal:SIGINT'],
    /signal 2/,
    { fallback: true },
  ),
  'raw mode and a handler': on(
    `process.stdin.setRawMode(true).resume(); process.on('SIGTERM', () => process.exit(5)); ready()`,
    ['wait:ready', 'signal:SIGTERM'],
    /code 5/,
  ),
  'the end of the terminal: SIGHUP': on(
    `look('start'); ${keep} ready()`,
    ['wait:ready', 'signal:SIGHUP'],
    /signal 1\b/,
  ),
  'stdout and stderr are terminals to the app': on(
    `console.log(process.stdout.isTTY, process.stderr.isTTY, process.stdin.isTTY, process.stdout.getColorDepth() > 0)`,
    [],
    /true true true/,
  ),
  'readline and Ctrl+C': on(
    `const rl = require('readline').createInterface({ input: process.stdin, output: process.stdout }); rl.on('SIGINT', () => { console.log('readline'); rl.close() }); ready()`,
    ['wait:ready', 'type:\\x03'],
    /readline/,
  ),
  'readline/promises, Ctrl+C without a listener': on(
    `const rl = require('readline').createInterface({ input: process.stdin, output: process.stdout }); rl.question('name? ', () => {}); ready()`,
    ['wait:ready', 'type:\\x03'],
    /ready/,
  ),
  'the REPL: Ctrl+C interrupts a loop, and twice more leaves it': {
    ...on('', [], /settings/),
    as: undefined as never,
    command: ({ node }) => [
      'python3',
      TERMINAL,
      'wait:> ',
      "type:console.log('spin' + 'ning'); while (true) {}\r",
      'wait:spinning',
      // Node loses a Ctrl+C that comes while console.log is still on its way back, without the guard too.
      'busy:0.3',
      'type:\\x03',
      'wait:interrupted',
      'type:6 * 7\r',
      'wait:42',
      'type:\\x04',
      '--',
      node,
      '-i',
    ],
    env: { NODE_REPL_HISTORY: '', TERM: 'dumb' },
    want: { stdout: /42/ },
  },
  'node inspect, the debugger of the command line': {
    ...on('', [], /it is 42/),
    as: undefined as never,
    files: { 'app.js': "let n = 6\ndebugger\nconsole.log('it is', n * 7)\n" },
    command: ({ node }) => [
      'python3',
      TERMINAL,
      'wait:Break on start',
      'type:cont\r',
      'wait:break in app.js:2',
      'type:exec("n * 1e6")\r',
      'wait:6000000',
      'type:cont\r',
      'wait:it is 42',
      'wait:Waiting for the debugger',
      'type:.exit\r',
      '--',
      node,
      'inspect',
      '--port=0',
      'app.js',
    ],
    env: { NO_COLOR: '1', TERM: 'dumb' },
    want: { code: 0, stdout: /Break on start.*\nbreak in.*\n6000000\nit is 42\nsettings as before\ncode 0/ },
    // Prompts come at any moment. What its child says on stderr is shown behind a `<`: the guard there must hold its lines.
    blur: text =>
      withoutText(text)
        .split('\n')
        .filter(line => /break in|Break on|^6000000|it is 42|^settings|^code|^signal|heapguard|rror/.test(line))
        .map(line => line.replace(/^(?:debug> |< |[^ -~]+\[\d*[GK])*/, ''))
        .join('\n'),
  },
})
