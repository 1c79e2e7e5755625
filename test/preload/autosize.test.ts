// HEAPGUARD_AUTOSIZE in real Node, on the built bundle: the process that begins anew is the one that was started.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, NODE, recordsIn, runNode, type Start, startNode, withoutRecords } from './node.ts'
import { freePort } from './scrape.ts'

t.jobs = 2

const CAN = spawnSync(NODE, ['-p', 'typeof process.execve'], { encoding: 'utf8' }).stdout.trim() === 'function'
const skip = CAN ? false : 'this Node has no process.execve'

/** What the app sees of itself; in all of it nothing but the heap flags may differ. */
const LOOK = `console.log(JSON.stringify({
  argv: process.argv, argv0: process.argv0, execArgv: process.execArgv, title: process.title, cwd: process.cwd(),
  env: Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'HEAPGUARD_AUTOSIZE')),
  limit: require('v8').getHeapStatistics().heap_size_limit,
}))`
const FOLDER = emptyFolder()
const SCRIPT = join(FOLDER, 'look.cjs')
const MODULE = join(FOLDER, 'look.mjs')
writeFileSync(SCRIPT, LOOK)
writeFileSync(
  MODULE,
  `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n${LOOK}`,
)

const TOO_MUCH = '--max-old-space-size=900'
const SIZED = { CONTAINER_MEMORY_MB: '512', HEAPGUARD_AUTOSIZE: 'on' }
const autosized = (start: Start): Start => ({
  preload: GUARD,
  nodeOptions: TOO_MUCH,
  cwd: FOLDER,
  ...start,
  env: { ...SIZED, ...start.env },
})
const events = (text: string): string[] => recordsIn(text).map(({ event }) => event)

/** `sh -c`, with NODE and NODE_OPTIONS as runNode has them. */
function shell(command: string, env: Readonly<Record<string, string>> = SIZED, nodeOptions = TOO_MUCH) {
  const all = { PATH: process.env.PATH ?? '', NODE, NODE_OPTIONS: `${nodeOptions} --require ${GUARD}`, ...env }
  const words = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  return spawnSync('env', ['-i', ...words, 'sh', '-c', command], { cwd: FOLDER, encoding: 'utf8' })
}

t.test('the app sees what it would have seen, but for the heap’s limit', { skip }, async t => {
  for (const [name, args] of [
    ['a script with words of its own', ['look.cjs', '--x', '', 'ä b', '--max-old-space-size=7']],
    ['an absolute script', [SCRIPT]],
    ['an ES module', [MODULE, 'x']],
    ['-e', ['-e', LOOK, 'x', 'y']],
    ['-e and --', ['-e', LOOK, '--', '--x']],
    ['-p', ['-p', '1']],
    ['flags of Node’s', ['--expose-gc', '--stack-trace-limit=20', '--no-warnings', SCRIPT]],
    ['-- in front of the script', ['--', 'look.cjs', 'x']],
  ] as const) {
    const [plain, sized] = await Promise.all([
      runNode(autosized({ args, env: { HEAPGUARD_AUTOSIZE: 'off' } })),
      runNode(autosized({ args })),
    ])
    t.strictSame(events(sized.stderr).slice(0, 2), ['resized', 'heap-validated'], name)
    t.match(recordsIn(sized.stderr)[1], { verdict: 'fits', heapCeilingMB: 384 })
    t.equal(withoutRecords(sized.stderr), withoutRecords(plain.stderr), 'the same on stderr: no warning either')
    t.equal(sized.code, plain.code)
    if (name === '-p') {
      t.equal(sized.stdout, plain.stdout)
      continue
    }
    const [before, after] = [JSON.parse(plain.stdout), JSON.parse(sized.stdout)]
    t.ok(after.limit < before.limit)
    before.env.NODE_OPTIONS = before.env.NODE_OPTIONS.replace(TOO_MUCH, '--max-old-space-size=384')
    // On a machine that V8 sees much of, the semi-space is set too.
    after.env.NODE_OPTIONS = after.env.NODE_OPTIONS.replace(/ --max-semi-space-size=\d+/, '')
    t.strictSame({ ...after, limit: 0 }, { ...before, limit: 0 }, name)
  }
})

t.test('the same process: pid, and what is said of it', { skip }, async t => {
  const running = startNode(autosized({ args: ['-e', 'console.log(process.pid)'] }))
  const { stdout, stderr } = await running.ended
  const [first] = recordsIn(stderr)
  t.equal(Number(stdout), first?.pid)
  t.match(first, { event: 'resized', level: 'info', remedy: /^--max-old-space-size=384/ })
  t.ok((first?.fromMB as number) > 900 && (first?.heapLimitMB as number) < 440)
})

t.test('a script from standard input, all of it', { skip }, async t => {
  const long = `${LOOK}\n//${'x'.repeat(300_000)}\nconsole.log('the end')`
  writeFileSync(join(FOLDER, 'long.js'), long)
  for (const command of [
    '"$NODE" < long.js',
    'cat long.js | "$NODE"',
    'cat long.js | "$NODE" - a --b',
    '"$NODE" - < long.js',
  ]) {
    const { stdout, stderr, status } = shell(command)
    t.equal(status, 0, command)
    t.match(stdout, /^\{.*\nthe end\n$/, command)
    t.strictSame(events(stderr).slice(0, 1), ['resized'])
  }
  t.match(shell('cat long.js | "$NODE" - a --b').stdout, /"argv":\["[^"]+","-","a","--b"\]/)
})

t.test('what the app reads from standard input, and what it writes, reach it and them', { skip }, async t => {
  const running = startNode(
    autosized({
      args: [
        '-e',
        `process.stdin.on('data', text => console.log('heard ' + text)).on('end', () => console.error('over'))`,
      ],
      stdin: 'pipe',
    }),
  )
  running.child.stdin?.end('this')
  const { stdout, stderr } = await running.ended
  t.equal(stdout, 'heard this\n')
  t.equal(withoutRecords(stderr), 'over\n')
})

t.test('heap flags on the command line are taken out, since they would win', { skip }, async t => {
  const { stdout, stderr } = await runNode(
    autosized({ args: ['--max-old-space-size=800', '--expose-gc', 'look.cjs'], nodeOptions: '' }),
  )
  t.strictSame(events(stderr).slice(0, 2), ['resized', 'heap-validated'])
  const { execArgv, env } = JSON.parse(stdout)
  t.strictSame(execArgv, ['--expose-gc'])
  t.match(env.NODE_OPTIONS, /^--max-old-space-size=384 (--max-semi-space-size=\d+ )?--require /)
})

t.test('no heap flag at all: the heap is raised where V8 would use less than half', { skip }, async t => {
  const { stderr } = await runNode(
    autosized({ args: ['-e', '0'], nodeOptions: '', env: { CONTAINER_MEMORY_MB: '16384' } }),
  )
  t.match(recordsIn(stderr)[0], { event: 'resized', remedy: /^--max-old-space-size=12288/ })
  t.match(recordsIn(stderr)[1], { verdict: 'fits' })
})

t.test('a percentage of one’s own', { skip }, async t => {
  const { stderr } = await runNode(autosized({ args: ['-e', '0'], env: { HEAPGUARD_AUTOSIZE: '50' } }))
  t.match(recordsIn(stderr)[0], { event: 'resized', remedy: /^--max-old-space-size=256/ })
})

t.test('quotes and escapes in NODE_OPTIONS stay', { skip }, async t => {
  const folder = join(FOLDER, 'with "quotes" and spaces')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'own.cjs')
  writeFileSync(path, 'globalThis.own = (globalThis.own ?? 0) + 1')
  const quoted = `"${path.replace(/"/g, '\\"')}"`
  const { stdout, stderr } = shell('"$NODE" -p own', SIZED, `${TOO_MUCH} --require ${quoted}`)
  t.equal(stdout, '1\n')
  t.strictSame(events(stderr).slice(0, 1), ['resized'])
})

t.test('--env-file: the app’s variables are there, its NODE_OPTIONS too', { skip }, async t => {
  writeFileSync(join(FOLDER, '.env'), `FROM_FILE=yes\nNODE_OPTIONS="${TOO_MUCH} --require ${GUARD}"\n`)
  const env = ['-i', `PATH=${process.env.PATH}`, 'CONTAINER_MEMORY_MB=512', 'HEAPGUARD_AUTOSIZE=on']
  const args = [...env, NODE, '--env-file=.env', '-p', 'process.env.FROM_FILE']
  const { stdout, stderr } = spawnSync('env', args, { cwd: FOLDER, encoding: 'utf8' })
  t.equal(stdout, 'yes\n')
  t.strictSame(events(stderr).slice(0, 2), ['resized', 'heap-validated'])
})

t.test('--inspect: the port answers, for the same process', { skip }, async t => {
  const port = await freePort()
  const running = startNode(
    autosized({ args: [`--inspect=127.0.0.1:${port}`, '-e', `console.log('up'); setInterval(() => {}, 1e6)`] }),
  )
  await running.says('up')
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { title: string }[]
  t.match(target?.title, new RegExp(`\\[${running.child.pid}\\]$`))
  running.child.kill('SIGKILL')
  const { stderr } = await running.ended
  t.strictSame(events(stderr).slice(0, 2), ['resized', 'heap-validated'])
  t.equal(stderr.match(/^Debugger listening on/gm)?.length, 2, 'said by each of the two')
})

t.test('children have the heap that fits from the start', { skip }, async t => {
  const script = `
    const { spawnSync } = require('node:child_process')
    const { stderr } = spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 10)'], { env: { ...process.env, HEAPGUARD_LOG_FILE: ${JSON.stringify(join(FOLDER, 'child.log'))} } })
    console.log(String(stderr))`
  const { stdout, stderr } = await runNode(autosized({ args: ['-e', script] }))
  t.equal(stdout, '\n')
  t.strictSame(events(stderr).filter(event => event === 'resized').length, 1)
  t.notMatch(readFileSync(join(FOLDER, 'child.log'), { encoding: 'utf8', flag: 'a+' }), /resized/)
})

t.test('a script that ends by itself, by a code, by an exception, by a signal', { skip }, async t => {
  for (const [script, code, signal] of [
    ['process.exitCode = 3', 3, null],
    ['process.exit(4)', 4, null],
    ['throw new Error("x")', 1, null],
    ['process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 9e3)', null, 'SIGTERM'],
  ] as const) {
    const end = await runNode(autosized({ args: ['-e', script] }))
    t.strictSame([end.code, end.signal], [code, signal], script)
    t.ok(events(end.stderr).includes('resized'))
  }
})

for (const [name, start] of [
  [
    'no limit is known: nothing is judged against an assumed one',
    { env: { CONTAINER_MEMORY_MB: '' }, nodeOptions: '' },
  ],
  ['it fits', { nodeOptions: '--max-old-space-size=300 --max-semi-space-size=1' }],
  ['off', { env: { HEAPGUARD_AUTOSIZE: 'off' } }],
  ['a container in which no heap helps', { env: { CONTAINER_MEMORY_MB: '64' } }],
] as const)
  t.test(`nothing happens: ${name}`, async t => {
    const { stderr, code } = await runNode(autosized({ args: ['-e', '0'], ...start }))
    t.equal(code, 0)
    t.strictSame(events(stderr), ['heap-validated', 'shutdown'])
  })

/** Not started again: one line that says why, and the app runs. */
const REFUSALS: readonly (readonly [
  name: string,
  run: () =>
    | { stdout: string; stderr: string; status?: number | null }
    | Promise<{ stdout: string; stderr: string; status?: number | null }>,
  reason: RegExp,
])[] = [
  [
    'a descriptor that it was handed',
    () => shell('"$NODE" -p "fs.readFileSync(3, \'utf8\').length" 3< look.cjs'),
    /^descriptor 3, which it was handed/,
  ],
  ['--title, which covers the command line', () => shell('"$NODE" --title=my-app -p 1'), /command line cannot be read/],
  ['an environment that is not UTF-8', () => shell(`LATIN="$(printf '\\344')" "$NODE" -p 1`), /not UTF-8/],
  ['loaded by the app', () => shell(`NODE_OPTIONS=${TOO_MUCH} "$NODE" -p "require('${GUARD}'); 1"`), /--require/],
  ['a node binary that was replaced', replacedBinary, /is another file now|cannot be executed/],
]
function replacedBinary() {
  const folder = emptyFolder()
  const [copy, start] = [join(folder, 'node'), join(folder, 'start.cjs')]
  // Before the guard runs its binary is another file.
  writeFileSync(
    start,
    `const fs = require('node:fs'); fs.unlinkSync(process.execPath); fs.writeFileSync(process.execPath, '')`,
  )
  copyFileSync(NODE, copy)
  chmodSync(copy, 0o755)
  return shell(`${copy} -p 1`, SIZED, `${TOO_MUCH} --require ${start}`)
}

t.test('one line that it cannot', { skip }, async t => {
  for (const [name, run, reason] of REFUSALS) {
    const { stdout, stderr } = await run()
    t.match(stdout, /^\d+\n/, `${name}: the app runs`)
    const problems = recordsIn(stderr).filter(({ event }) => event === 'evidence-problem')
    t.equal(problems.length, 1, name)
    t.match(problems[0], { what: 'autosize', reason, level: 'warn' }, name)
    t.notMatch(stderr, /ExperimentalWarning|resized/, name)
  }
})

t.test('an IPC channel is kept', { skip }, async t => {
  const script = `process.send('here', () => process.disconnect())`
  const env = { PATH: process.env.PATH ?? '', NODE_OPTIONS: `${TOO_MUCH} --require ${GUARD}`, ...SIZED }
  const child = spawn(NODE, ['-e', script], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const heard = new Promise(done => child.on('message', done))
  const ended = new Promise(done => child.on('close', done))
  t.equal(await heard, 'here')
  t.equal(await ended, 0)
  t.match(recordsIn(stderr)[0], { event: 'evidence-problem', what: 'autosize', reason: /IPC/ })
})

t.test('the permission model is asked first: no warning, no error', { skip }, async t => {
  const { stdout, stderr } = shell(`"$NODE" --permission '--allow-fs-read=*' -p 1`)
  t.equal(stdout, '1\n')
  t.match(recordsIn(stderr)[0], { event: 'evidence-problem', what: 'autosize', reason: /--allow-child-process/ })
  t.notMatch(stderr, /process\.execve is an experimental/)
})

t.test(
  'Node without process.execve says so, once, and only where it would have been needed',
  { skip: CAN ? 'this Node has it' : false },
  async t => {
    const { stdout, stderr } = await runNode(autosized({ args: ['-p', '1'] }))
    t.equal(stdout, '1\n')
    t.strictSame(events(stderr), ['evidence-problem', 'heap-validated', 'shutdown'])
    t.match(recordsIn(stderr)[0], { what: 'autosize', reason: /has no process\.execve/, level: 'warn' })
    const fits = await runNode(
      autosized({ args: ['-p', '1'], nodeOptions: '--max-old-space-size=300 --max-semi-space-size=1' }),
    )
    t.strictSame(events(fits.stderr), ['heap-validated', 'shutdown'])
  },
)

t.test('a marker that a child inherits from elsewhere is none, and is gone', async t => {
  const { stdout, stderr } = await runNode(
    autosized({
      args: ['-p', 'process.env.HEAPGUARD_RESIZED'],
      env: { HEAPGUARD_RESIZED: '1 9 --max-old-space-size=1' },
      nodeOptions: '--max-old-space-size=300 --max-semi-space-size=1',
    }),
  )
  t.equal(stdout, 'undefined\n')
  t.strictSame(events(stderr), ['heap-validated', 'shutdown'])
})

t.test('npm in front: the app that it runs is sized, npm is left alone', { skip }, async t => {
  writeFileSync(
    join(FOLDER, 'package.json'),
    JSON.stringify({ name: 'x', scripts: { start: 'node look.cjs --from-npm' } }),
  )
  const npm = resolve(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')
  const { stdout, stderr, status } = shell(`PATH=${dirname(NODE)}:$PATH; export PATH; "$NODE" ${npm} start --silent`)
  t.equal(status, 0, stderr.slice(-300))
  const { argv, env } = JSON.parse(stdout)
  t.strictSame(argv.slice(2), ['--from-npm'])
  t.match(env.NODE_OPTIONS, /^--max-old-space-size=384 /)
  t.equal(events(stderr).filter(event => event === 'resized').length, 1)
})

t.test(
  'a terminal on all three',
  { skip: skip || (spawnSync('script', ['--version']).status === 0 ? false : 'no script(1) here') },
  async t => {
    const log = join(FOLDER, 'terminal.log')
    closeSync(openSync(log, 'w'))
    const { stdout } = shell(
      `script -qec '"$NODE" -p "process.stdin.isTTY && process.stdout.isTTY && process.stderr.isTTY"' /dev/null < /dev/null`,
      { ...SIZED, HEAPGUARD_LOG_FILE: log },
    )
    t.match(stdout, /true/)
    t.strictSame(events(readFileSync(log, 'utf8')).slice(0, 2), ['resized', 'heap-validated'])
  },
)
