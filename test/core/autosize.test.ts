import t from 'tap'
import {
  commandLineOf,
  fitsInExec,
  lostDescriptor,
  markerText,
  type Obstacles,
  type OpenDescriptor,
  obstacleTo,
  readMarker,
  withHeapFlags,
} from '../../preload/core/autosize.ts'
import { splitNodeOptions } from '../../preload/core/node-options.ts'
import { cannotResize, resized } from '../../preload/core/report-autosize.ts'
import { mbToBytes } from '../../preload/core/units.ts'

const SIZE = '--max-old-space-size=188'
const PINNED = '--max-old-space-size=188 --max-semi-space-size=1'

for (const [name, before, flags, after] of [
  ['not set', undefined, SIZE, SIZE],
  ['empty', '', SIZE, SIZE],
  ['another flag stays behind it', '--require /a.js', SIZE, `${SIZE} --require /a.js`],
  ['the flag is replaced', '--max-old-space-size=384 --require /a.js', SIZE, `${SIZE} --require /a.js`],
  ['two of them', '--max-old-space-size=1 -r /a.js --max_old_space_size=2', SIZE, `${SIZE} -r /a.js`],
  ['one dash, underscores', '-max_old_space_size=2 -r /a.js', SIZE, `${SIZE} -r /a.js`],
  ['the percentage', '--max-old-space-size-percentage=90 -r /a.js', SIZE, `${SIZE} -r /a.js`],
  [
    'the percentage with its value in a word of its own',
    '--max-old-space-size-percentage 90 -r /a.js',
    SIZE,
    `${SIZE} -r /a.js`,
  ],
  ['the percentage without a value', '--max-old-space-size-percentage -r /a.js', SIZE, `${SIZE} -r /a.js`],
  ['both at once', '--max-heap-size=400 --max-old-space-size-percentage=5', SIZE, SIZE],
  ['the semi-space stays', '--max-semi-space-size=16 -r /a.js', SIZE, `${SIZE} --max-semi-space-size=16 -r /a.js`],
  [
    'the semi-space is replaced where the flags set it',
    '--max-semi-space-size=16 -r /a.js',
    PINNED,
    `${PINNED} -r /a.js`,
  ],
  ['quotes stay as they were written', '-r "/a b.js" --max-old-space-size=384', SIZE, `${SIZE} -r "/a b.js"`],
  ['escapes too', '-r "/a \\"b\\\\.js" --title=x', SIZE, `${SIZE} -r "/a \\"b\\\\.js" --title=x`],
  ['quotes in the middle of a word', '-r /"a b"/c.js', SIZE, `${SIZE} -r /"a b"/c.js`],
  ['the flag itself in quotes', '"--max-old-space-size=384" "--max-heap-size=1" -r /a.js', SIZE, `${SIZE} -r /a.js`],
  ['single quotes mean nothing: no flag', "'--max-old-space-size=384'", SIZE, `${SIZE} '--max-old-space-size=384'`],
  ['spaces at both ends and in a row', '  -r   /a.js  ', SIZE, `${SIZE} -r /a.js`],
  ['a flag whose name begins the same', '--max-old-space-sizes=3', SIZE, `${SIZE} --max-old-space-sizes=3`],
] as const)
  t.test(`NODE_OPTIONS: ${name}`, async t => {
    t.equal(withHeapFlags(before, flags), after)
    t.ok(splitNodeOptions(after), 'Node starts with it')
  })

t.test('NODE_OPTIONS: an empty pair of quotes is no flag', async t =>
  t.equal(withHeapFlags('"" -r /a.js', SIZE), `${SIZE} "" -r /a.js`),
)

t.test('NODE_OPTIONS: what Node would not have started with is left as it is', async t =>
  t.equal(withHeapFlags('-r "/a', SIZE), `${SIZE} -r "/a`),
)

const line = (...words: string[]): string => words.map(word => `${word}\0`).join('')

for (const [name, commandLine, execArgv, argv, want] of [
  ['a script', line('node', 'app.js', 'x'), [], ['/n', '/w/app.js', 'x'], ['node', 'app.js', 'x']],
  [
    'flags and a script',
    line('node', '-r', 'a', 'app.js'),
    ['-r', 'a'],
    ['/n', '/w/app.js'],
    ['node', '-r', 'a', 'app.js'],
  ],
  [
    'a heap flag goes',
    line('node', '--max-old-space-size=9', 'app.js'),
    ['--max-old-space-size=9'],
    ['/n', '/w/app.js'],
    ['node', 'app.js'],
  ],
  [
    'the app’s own word that looks like one stays',
    line('node', 'app.js', '--max-old-space-size=9'),
    [],
    ['/n', '/w/app.js', '--max-old-space-size=9'],
    ['node', 'app.js', '--max-old-space-size=9'],
  ],
  ['-e and code', line('node', '-e', '1', 'x', 'y'), ['-e', '1'], ['/n', 'x', 'y'], ['node', '-e', '1', 'x', 'y']],
  [
    '-e, -- and a word that looks like an option',
    line('node', '-e', '1', '--', '--x'),
    ['-e', '1'],
    ['/n', '--x'],
    ['node', '-e', '1', '--', '--x'],
  ],
  [
    '-- and a script',
    line('node', '--inspect', '--', 'app.js', 'x'),
    ['--inspect'],
    ['/n', '/w/app.js', 'x'],
    ['node', '--inspect', '--', 'app.js', 'x'],
  ],
  ['a script from standard input', line('node'), [], ['/n'], ['node']],
  ['the same with a dash', line('node', '-', 'x'), [], ['/n', '-', 'x'], ['node', '-', 'x']],
  ['an empty word', line('node', 'app.js', ''), [], ['/n', '/w/app.js', ''], ['node', 'app.js', '']],
  ['not known', undefined, [], ['/n', '/w/app.js'], undefined],
  ['empty', '', [], ['/n'], undefined],
  ['covered by a title', 'my-app\0', ['--title=my-app'], ['/n', '/w/app.js'], undefined],
  ['cut off', line('node', 'app.js', 'x'), [], ['/n', '/w/app.js', 'x', 'y'], undefined],
  ['other words', line('node', 'app.js', 'x'), [], ['/n', '/w/app.js', 'y'], undefined],
  ['too many words', line('node', 'a', 'b', 'c', 'app.js', 'x'), [], ['/n', '/w/app.js', 'x'], undefined],
] as const)
  t.test(`the command line: ${name}`, async t =>
    t.strictSame(commandLineOf({ commandLine, execArgv, argv }, SIZE), want),
  )

const fd = (number: number, target: string, isLost = true): OpenDescriptor => ({ fd: number, target, isLost })
const STDIO = [fd(0, '/dev/null', false), fd(1, 'pipe:[1]', false), fd(2, '/log', false)]
const NODES = [fd(3, 'anon_inode:[eventpoll]'), fd(4, 'pipe:[8]'), fd(5, 'pipe:[8]'), fd(6, '/dev/null')]

for (const [name, open, hasInspector, want] of [
  ['none but Node’s own', [...STDIO, ...NODES], false, undefined],
  ['standard input that would be closed is kept by Node', [fd(0, '/script.js'), ...NODES], false, undefined],
  ['a file', [...STDIO, ...NODES, fd(7, '/lock')], false, 7],
  ['a file that is not marked to be closed', [...STDIO, ...NODES, fd(7, '/lock', false)], false, undefined],
  ['one end of a pipe', [...STDIO, ...NODES, fd(9, 'pipe:[7]')], false, 9],
  ['one end of a pipe whose other is standard output', [...STDIO, ...NODES, fd(9, 'pipe:[1]')], false, 9],
  ['a listening socket', [...STDIO, ...NODES, fd(3, 'socket:[5]')], false, 3],
  ['the inspector’s socket', [...STDIO, ...NODES, fd(28, 'socket:[5]')], true, undefined],
  ['a socket beside the inspector’s', [...STDIO, fd(3, 'socket:[4]'), ...NODES, fd(28, 'socket:[5]')], true, 28],
  ['/dev/urandom', [...STDIO, fd(3, '/dev/urandom'), fd(4, '/dev/random')], false, undefined],
] as const)
  t.test(`descriptors: ${name}`, async t => t.equal(lostDescriptor(open, hasInspector), want))

const limits = (stack: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax stack size             ${stack.padEnd(20)} unlimited            bytes     \nMax core file size        0                    unlimited            bytes     \n`
const words = (count: number, length: number): readonly number[] => Array.from({ length: count }, () => length)

for (const [name, lengths, text, want] of [
  ['nothing', [], limits('8388608'), true],
  ['the longest word', [131_071], limits('8388608'), true],
  ['a word that is too long', [131_072], limits('8388608'), false],
  // (2 MiB - 8 KiB) / (1015 + 9) = 2040
  ['a quarter of the stack', words(2040, 1015), limits('8388608'), true],
  ['one word more', words(2041, 1015), limits('8388608'), false],
  ['a small stack: 128 KiB all the same', words(120, 1015), limits('16384'), true],
  ['and no more', words(121, 1015), limits('16384'), false],
  ['limits that cannot be read: 128 KiB', words(120, 1015), undefined, true],
  ['limits that cannot be read, one word more', words(121, 1015), undefined, false],
  ['no bound of the stack: 6 MiB', words(6136, 1015), limits('unlimited'), true],
  ['and no more than that', words(6137, 1015), limits('unlimited'), false],
] as const)
  t.test(`what execve takes: ${name}`, async t => t.equal(fitsInExec(lengths, text), want))

const FREE: Obstacles = {
  isPreloading: true,
  hasExecve: true,
  nodeVersion: 'v24.21.0',
  hasChannel: false,
  mayStartProcesses: true,
  options: ['--inspect', '--require', '/a.js'],
}
for (const [name, over, want] of [
  ['none', {}, undefined],
  ['no process.execve', { hasExecve: false, nodeVersion: 'v20.20.2' }, /^Node v20\.20\.2 has no process\.execve/],
  ['loaded by the app', { isPreloading: false }, /--require/],
  ['an IPC channel', { hasChannel: true }, /IPC/],
  ['the permission model', { mayStartProcesses: false }, /--allow-child-process/],
  ['--inspect-brk', { options: ['--inspect-brk=0'] }, /debugger/],
  ['--inspect-wait', { options: ['--inspect-wait'] }, /debugger/],
  ['--debug-brk', { options: ['-r', '--debug-brk'] }, /debugger/],
] as const)
  t.test(`obstacles: ${name}`, async t => {
    const found = obstacleTo({ ...FREE, ...over })
    if (want === undefined) t.equal(found, undefined)
    else t.match(found, want)
  })

for (const [name, text, pid, want] of [
  ['its own', '7 387 --max-old-space-size=188 --max-semi-space-size=1', 7, { fromMB: 387, flags: PINNED }],
  ['with a decimal', '7 387.5 --max-old-space-size=188', 7, { fromMB: 387.5, flags: SIZE }],
  ['of another process', '7 387 --max-old-space-size=188', 8, undefined],
  ['none', undefined, 7, undefined],
  ['empty', '', 7, undefined],
  ['something else', 'yes', 7, undefined],
  ['no flags', '7 387 ', 7, undefined],
] as const)
  t.test(`the marker: ${name}`, async t => t.strictSame(readMarker(text, pid), want))

t.test('a marker is read as it was written', async t => {
  const marker = { fromMB: 2144.5, flags: PINNED }
  t.strictSame(readMarker(markerText(1, marker), 1), marker)
})

t.test('what is said', async t => {
  t.match(resized({ fromMB: 387, flags: SIZE }, mbToBytes(191), mbToBytes(256)), {
    level: 'info',
    event: 'resized',
    msg: /^V8's heap limit was 387 MB in a container of 256 MB: .* with --max-old-space-size=188, and it is 191 MB now\./,
    fields: { fromMB: 387, heapLimitMB: 191, remedy: SIZE },
  })
  t.match(cannotResize('why', SIZE), {
    level: 'warn',
    event: 'evidence-problem',
    msg: /cannot start this process again \(why\).*--max-old-space-size=188/,
    fields: { what: 'autosize', reason: 'why' },
  })
})
