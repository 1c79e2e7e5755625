// Node's options, taken apart and put together again.
import t from 'tap'
import { parseCommandLine } from '../../cli/doctor/command-line.ts'
import {
  isHeapFlag,
  isSizingFlag,
  joinWords,
  parseNodeOptions,
  preloadsOf,
  withHeapFlags,
} from '../../cli/doctor/options.ts'

for (const [name, text, want] of [
  ['one word with =', '--max-old-space-size=384', [['--max-old-space-size', '384']]],
  ['underscores and one dash are V8’s own', '-max_old_space_size=384', [['--max-old-space-size', '384']]],
  ['a value in a word of its own', '-r ./a.js --expose-gc', [['-r', './a.js'], ['--expose-gc']]],
  [
    'a percentage in a word of its own',
    '--max-old-space-size-percentage 50',
    [['--max-old-space-size-percentage', '50']],
  ],
  ['--require at the end, without a value', '--require', [['--require']]],
  ['quotes around a path with a space', '--require "./a b.js"', [['--require', './a b.js']]],
  ['what Node cannot read at all', '--require "./a', []],
  ['nothing', undefined, []],
] as const)
  t.test(name, async t =>
    t.strictSame(
      parseNodeOptions(text).options.map(({ name, value }) => (value === undefined ? [name] : [name, value])),
      want,
    ),
  )

t.test('Node stops at the first stray word', async t =>
  t.strictSame(parseNodeOptions("'--max-old-space-size=384' --require a").rest, [
    "'--max-old-space-size=384'",
    '--require',
    'a',
  ]),
)

for (const [name, text, flags, guard, want] of [
  [
    'the flag in front, the rest kept',
    '--require a --max-old-space-size=9',
    '--max-old-space-size=1',
    undefined,
    '--max-old-space-size=1 --require a',
  ],
  [
    'every heap flag goes',
    '--max-heap-size=9 --max_semi_space_size=3 --max-old-space-size-percentage 5',
    '--max-old-space-size=1',
    undefined,
    '--max-old-space-size=1',
  ],
  [
    'two flags',
    undefined,
    '--max-old-space-size=1 --max-semi-space-size=2',
    undefined,
    '--max-old-space-size=1 --max-semi-space-size=2',
  ],
  [
    'no remedy keeps the heap flags',
    '--max-old-space-size=9',
    undefined,
    '/g.js',
    '--max-old-space-size=9 --require /g.js',
  ],
  [
    'the guard comes last',
    '--expose-gc',
    '--max-old-space-size=1',
    '/opt/heap guard/p.js',
    '--max-old-space-size=1 --expose-gc --require "/opt/heap guard/p.js"',
  ],
] as const)
  t.test(`NODE_OPTIONS to set: ${name}`, async t => t.equal(withHeapFlags(text, flags, guard), want))

t.test('words that are joined are read back as they were', async t => {
  const words = ['--require', 'a b', 'c"d', 'e\\f', '--x']
  t.equal(joinWords(words), '--require "a b" "c\\"d" "e\\\\f" --x')
  t.strictSame(parseNodeOptions(joinWords(['--title', 'a "b" \\c'])).options[0]?.value, 'a "b" \\c')
})

t.test('what is a heap flag, and what a fresh node may be given', async t => {
  const { options } = parseNodeOptions(
    '--max-old-space-size=1 --max-semi-space-size=2 --stack-size=3 --inspect --heap-prof --heapsnapshot-signal=SIGUSR2 --cpu-prof --require a --trace-gc-heap-layout',
  )
  t.strictSame(
    options.filter(isHeapFlag).map(({ name }) => name),
    ['--max-old-space-size', '--max-semi-space-size'],
  )
  t.strictSame(
    options.filter(isSizingFlag).map(({ name }) => name),
    ['--max-old-space-size', '--max-semi-space-size', '--stack-size'],
  )
  t.strictSame(preloadsOf(parseNodeOptions('-r a --import=b --require c --require').options), [
    { named: 'a', isImport: false },
    { named: 'b', isImport: true },
    { named: 'c', isImport: false },
  ])
})

for (const [command, want] of [
  ['node server.js', { node: 'node', script: 'server.js' }],
  [
    '/usr/bin/node --max-old-space-size=4 -r x server.js --max-old-space-size=5',
    {
      node: '/usr/bin/node',
      script: 'server.js',
      options: [
        { name: '--max-old-space-size', value: '4' },
        { name: '-r', value: 'x' },
      ],
    },
  ],
  [
    'env A=1 NODE_OPTIONS=--expose-gc node x.js',
    { node: 'node', script: 'x.js', variables: { A: '1', NODE_OPTIONS: '--expose-gc' } },
  ],
  ['tini -g -- node x.js', { node: 'node', script: 'x.js' }],
  ['npm start', { launcher: 'npm' }],
  ['node /usr/lib/node_modules/npm/bin/npm-cli.js start', { launcher: 'npm' }],
  ['/usr/local/bin/node /usr/local/bin/yarn start', { launcher: 'yarn' }],
  ['sh -c x', { launcher: 'sh' }],
  ['node -e 1', { node: 'node', script: undefined }],
  ['python x.py', { node: undefined, launcher: undefined }],
  ['', { node: undefined, launcher: undefined }],
] as const)
  t.test(`the command line: ${command}`, async t => t.match(parseCommandLine(command.split(' ')), want))

t.test('npm’s own title in /proc is one word', async t => t.match(parseCommandLine(['npm start']), { launcher: 'npm' }))
