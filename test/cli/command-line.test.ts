// Which node a command starts with which flags, through whatever hands; and what is not understood.
import t from 'tap'
import { hidesFlags, parseCommandLine, parseNodeProcess, variablesOf } from '../../cli/doctor/command-line.ts'
import { simpleCommand } from '../../cli/doctor/shell-line.ts'

const FLAG = '--max-old-space-size=4096'
const HEAVY = { node: 'node', script: 'x.js', options: [{ words: [FLAG] }], stranger: undefined, launcher: undefined }
const command = `node ${FLAG} x.js`

for (const front of [
  'tini --',
  '/usr/bin/tini -g -p SIGTERM -e 143 --',
  '/sbin/docker-init --',
  'dumb-init',
  'dumb-init --rewrite 15:2 -v --',
  'catatonit -g --',
  'docker-entrypoint.sh',
  '/usr/local/bin/docker-entrypoint.sh',
  'exec',
  'exec -a app',
  'env',
  'env A=1',
  'env -u A --unset=B -C /srv',
  'env -i PATH=/bin',
  'gosu node',
  'gosu node:node',
  'su-exec 1000:1000',
  'setpriv --reuid 1000 --regid=1000 --clear-groups --no-new-privs --',
  'timeout 10',
  'timeout -k 5 --signal TERM --preserve-status 10m',
  'nice',
  'nice -n 10',
  'nice -10',
  'nice --adjustment=10',
  'ionice -c 2 -n 7',
  'chrt -r 10',
  'taskset -c 0-1',
  'stdbuf -o L',
  'stdbuf -oL -eL',
  'nohup',
  'setsid -w',
  'tini -g -- docker-entrypoint.sh gosu node nice -n 5 env A=1',
])
  t.test(`what stands in front is known: ${front}`, async t => {
    const read = parseCommandLine([...front.split(' '), ...command.split(' ')])
    t.match(read, HEAVY)
    t.equal(read.shell, undefined)
    t.notOk(hidesFlags(read))
  })

for (const [words, script] of [
  [`docker-entrypoint.sh ${FLAG} x.js`, 'x.js'],
  ['docker-entrypoint.sh x.mjs', 'x.mjs'],
])
  t.test(`the image’s entrypoint starts node itself: ${words}`, async t =>
    t.match(parseCommandLine((words ?? '').split(' ')), { node: 'node', script, stranger: undefined }),
  )

const around = { PATH: '/bin', NODE_OPTIONS: '--expose-gc', UNSET: undefined }
for (const [words, want] of [
  ['node x.js', { PATH: '/bin', NODE_OPTIONS: '--expose-gc' }],
  ['A=1 node x.js', { PATH: '/bin', NODE_OPTIONS: '--expose-gc', A: '1' }],
  ['env -u NODE_OPTIONS node x.js', { PATH: '/bin' }],
  ['env -uNODE_OPTIONS node x.js', { PATH: '/bin' }],
  ['env --unset=NODE_OPTIONS node x.js', { PATH: '/bin' }],
  ['env --unset NODE_OPTIONS NODE_OPTIONS=-r node x.js', { PATH: '/bin', NODE_OPTIONS: '-r' }],
  ['env A=1 env -u A node x.js', { PATH: '/bin', NODE_OPTIONS: '--expose-gc' }],
  ['A=1 env -i B=2 node x.js', { B: '2' }],
  ['env - node x.js', {}],
  ['exec -c -a app node x.js', {}],
  ['env --ignore-environment node x.js', {}],
  ['setpriv --reuid 1 --reset-env node x.js', {}],
  ['tini -- env -i A=1 gosu node node x.js', { A: '1' }],
] as const)
  t.test(`the environment of ${words}`, async t => {
    const read = parseCommandLine(words.split(' '))
    t.equal(read.script, 'x.js')
    t.strictSame(variablesOf(read, around), want)
  })

for (const [line, want] of [
  [command, { ...HEAVY, shell: 'sh' }],
  [`exec ${command}`, { ...HEAVY, shell: undefined }],
  [`A=1 exec ${command}`, { ...HEAVY, shell: undefined, variables: { A: '1' } }],
  [`NODE_OPTIONS="--a --b" ${command}`, { ...HEAVY, shell: 'sh', variables: { NODE_OPTIONS: '--a --b' } }],
  [`exec gosu node ${command}`, { ...HEAVY, shell: undefined, through: ['sh', 'exec', 'gosu'] }],
  ['exec npm start', { launcher: 'npm', shell: undefined, stranger: undefined }],
  ['npm start', { launcher: 'npm', shell: 'sh', stranger: undefined }],
  ['python3 app.py', { launcher: 'sh', shell: 'sh', stranger: 'python3' }],
  ['exec python3 app.py', { launcher: undefined, shell: undefined, stranger: 'python3' }],
  [`cd /srv && ${command}`, { launcher: 'sh', shell: 'sh', stranger: 'sh', node: undefined }],
  [`${command}; true`, { launcher: 'sh', stranger: 'sh', node: undefined }],
  ['node --max-old-space-size=$MB x.js', { launcher: 'sh', stranger: 'sh', node: undefined }],
  ['', { launcher: 'sh', stranger: 'sh' }],
] as const)
  t.test(`a shell’s line: ${line}`, async t => t.match(parseCommandLine(['/bin/sh', '-c', line]), want))

t.test('a shell’s options are not its line, and its script is not understood', async t => {
  for (const words of [
    ['bash', '-o', 'pipefail', '-c', command],
    ['bash', '-eo', 'pipefail', '-c', command],
    ['bash', '-euxc', command],
    ['bash', '--norc', '-lc', command],
    ['bash', '-c', command, 'name', 'argument'],
  ])
    t.match(parseCommandLine(words), { ...HEAVY, shell: 'bash' }, words.join(' '))
  for (const words of [['sh', './start.sh'], ['sh', '-e', 'start.sh'], ['sh'], ['sh', '-c']])
    t.match(parseCommandLine(words), { launcher: 'sh', stranger: 'sh' }, words.join(' '))
})

for (const [line, want] of [
  ['a b  c\t', ['a', 'b', 'c']],
  [`a 'b c' "d 'e'" f'g'"h"`, ['a', 'b c', "d 'e'", 'fgh']],
  ['a "b\\"c\\$d\\\\e\\f" \\$g', ['a', 'b"c$d\\e\\f', '$g']],
  [`a '' "" 'b|c;$d'`, ['a', '', '', 'b|c;$d']],
  ['', []],
  ...[
    'a $b',
    'a "$b"',
    'a "\\\\$b"',
    'a `b`',
    'a "`b`"',
    'a | b',
    'a && b',
    'a; b',
    'a\nb',
    'a > b',
    'a <b',
    '(a)',
  ].map(line => [line, undefined] as const),
  ...['a *.js', 'a ?', 'a [b]', 'a {b,c}', 'a ~', 'a # b', '! a', "a 'b", 'a "b', 'a \\'].map(
    line => [line, undefined] as const,
  ),
] as const)
  t.test(`words of ${JSON.stringify(line)}`, async t => t.strictSame(simpleCommand(line), want))

for (const [words, stranger] of [
  ['python3 app.py', 'python3'],
  ['/usr/local/bin/pm2-runtime app.js', 'pm2-runtime'],
  ['tsx server.js', 'tsx'],
  ['gosu node', ''],
  ['timeout 10', ''],
  ['toString', 'toString'],
  ['sudo -u node node x.js', 'sudo'],
  ['env -S x.js', 'x.js'],
] as const)
  t.test(`no node is found in: ${words}`, async t => {
    const read = parseCommandLine(words.split(' '))
    t.match(read, { node: undefined, stranger, options: [] })
    t.ok(hidesFlags(read))
  })

for (const words of ['npm start', 'node /usr/lib/node_modules/npm/bin/npm-cli.js start', 'tini -- yarn start'])
  t.test(`a script’s flags are not seen: ${words}`, async t => t.ok(hidesFlags(parseCommandLine(words.split(' ')))))

t.test('a process that is node is read by its own words, never as a command', async t => {
  t.match(parseNodeProcess(['/usr/bin/node-22', FLAG, 'x.js']), { node: '/usr/bin/node-22', script: 'x.js' })
  t.match(parseNodeProcess(['tini', FLAG, 'x.js']), { node: 'tini', script: 'x.js', options: [{ words: [FLAG] }] })
  t.match(parseNodeProcess(['node']), { node: 'node', options: [] })
  t.match(parseNodeProcess(['npm start', '', '']), { launcher: 'npm', node: undefined })
  for (const title of [['next-server (v15)'], ['node x.js', '', ''], ['node', '', '']])
    t.match(parseNodeProcess(title), { node: undefined, launcher: undefined, options: [] }, title.join(' '))
})
