// What start-up may cost, as counts and not as times: the files it opens, the builtins it loads, the bytes it reads. The
// expectations are those of a floor preload (it requires node:v8) in the same run, so they hold on each major.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { EMPTY, emptyFolder, GUARD, NODE, runNode } from './node.ts'

/** A preload of the test's own. */
function preload(code: string): string {
  const file = join(emptyFolder(), 'preload.cjs')
  writeFileSync(file, code)
  return file
}

/**
 * The guard under another name: it looks for its own in the command lines and environments above, and this test's must
 * not count. Node follows the link, so that it is the file in dist/ that is loaded.
 */
const LINK = join(emptyFolder(), 'linked.cjs')
symlinkSync(GUARD, LINK)

const FLOOR = preload("require('node:v8').getHeapStatistics()\n")

/** A container a third larger than V8's limit of the Node under test: the heap fits, whatever the machine. */
const heapLimitMB = Number(
  spawnSync(NODE, ['-p', "require('node:v8').getHeapStatistics().heap_size_limit / 1048576"], { encoding: 'utf8' })
    .stdout,
)
const FITS = { CONTAINER_MEMORY_MB: String(Math.ceil((heapLimitMB * 4) / 3)) }

const NODE_FILE = realpathSync(NODE)
const MARK = '/the-app-has-begun'
const APP = `try { require('node:fs').openSync('${MARK}') } catch {}`

/** How a shell starts `"$@"` with each kind of stderr. Undefined: what Node gives a child as a pipe, which is a socket. */
const STDERR = {
  'a pipe that is read, as under a container runtime': '"$@" 2>&1 >/dev/null | cat >/dev/null',
  'the null device': '"$@" 2>/dev/null',
  'a file': 'log=$(mktemp); "$@" 2>"$log"; rm "$log"',
  'a socket': undefined,
} as const
type Kind = keyof typeof STDERR
const PIPE: Kind = 'a pipe that is read, as under a container runtime'

/** The files that are opened, or asked for, between the start and the app's first line, as strace sees them. */
function openedFiles(
  preloadFile: string,
  env: Readonly<Record<string, string>> = {},
  kind: Kind = PIPE,
): readonly string[] {
  return openedBy([NODE, '--require', preloadFile, '-e', APP], env, kind)
}

function openedBy(
  node: readonly string[],
  env: Readonly<Record<string, string>>,
  kind: Kind = PIPE,
): readonly string[] {
  const trace = join(emptyFolder(), 'trace')
  const strace = ['strace', '-f', '-qq', '-s', '4096', '-e', 'trace=open,openat,openat2', '-o', trace]
  const variables = Object.entries({ PATH: process.env.PATH ?? '', ...env }).map(([name, value]) => `${name}=${value}`)
  const script = STDERR[kind] ?? '"$@"'
  spawnSync('env', ['-i', ...variables, 'sh', '-c', script, 'sh', ...strace, ...node])
  const paths: string[] = []
  let isRemapped = false
  for (const [, path = ''] of readFileSync(trace, 'utf8').matchAll(/open(?:at2?)?\((?:\w+, )?"([^"]*)"/g)) {
    if (path === MARK) return paths
    // Where the addresses that V8 gets for code are too far from its builtins, it finds these in the process's map and
    // maps them anew from Node's own file, once: that is chance, and not the preload's.
    const mapAt = path === NODE_FILE && !isRemapped ? paths.lastIndexOf('/proc/self/maps') : -1
    if (mapAt < 0) paths.push(path)
    else {
      paths.splice(mapAt, 1)
      isRemapped = true
    }
  }
  throw new Error(`the app did not begin:\n${readFileSync(trace, 'utf8').slice(-2000)}`)
}

/** What one list has and the other has not, each as often as it is there. */
function beyond(list: readonly string[], base: readonly string[]): readonly string[] {
  const left = [...base]
  return list.filter(item => {
    const at = left.indexOf(item)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** The kernel's own files that start-up may read, and what for. None of them more than twice. */
const KERNEL_FILES: readonly (readonly [path: RegExp, what: string])[] = [
  [/^\/proc\/self\/(cgroup|mountinfo)$/, 'where the own group is'],
  [/^\/proc\/meminfo$/, 'the machine itself'],
  [/^\/sys\/fs\/cgroup\/(.+\/)?memory\.(max|high|limit_in_bytes|soft_limit_in_bytes|stat)$/, 'limits'],
  [/^\/sys\/fs\/cgroup\/(.+\/)?cgroup\.controllers$/, 'is that folder a group?'],
  [/^\/sys\/fs\/cgroup\/memory\/(.+\/)?cgroup\.procs$/, 'is that folder the own group of v1?'],
  [/^\/proc\/\d+\/(environ|cmdline|stat)$/, 'whose stderr is this?'],
  [/^\/proc\/self\/fd\/2$/, 'stderr, opened anew for one write'],
]

/**
 * Not the guard's: V8's time zone at the first Date of a process; glibc's allocator, when threads meet in it; Abseil's locks
 * in Node from 22 on, when threads meet there [seen: 6 of 150 starts of Node 26 without the guard, on a busy machine].
 */
const OTHERS_FILES: readonly string[] = [
  '/etc/localtime',
  '/sys/devices/system/cpu/online',
  '/sys/devices/system/cpu/cpu0/tsc_freq_khz',
]

t.test("no file of the guard's names what is left out of the lists", async t => {
  for (const name of readdirSync('dist').filter(name => name.endsWith('.js'))) {
    const text = readFileSync(join('dist', name), 'utf8')
    t.notOk(
      OTHERS_FILES.some(path => text.includes(path)),
      name,
    )
  }
})

const why = spawnSync('strace', ['-qq', 'true']).status === 0 ? false : 'no strace here, or it may not trace'

for (const kind of Object.keys(STDERR) as Kind[])
  t.test(`start-up opens the preload itself, and kernel files; stderr is ${kind}`, { skip: why }, async t => {
    const dist = resolve('dist')
    const opened = beyond(openedFiles(LINK, FITS, kind), openedFiles(FLOOR, {}, kind)).map(path =>
      path.replace(`${dist}/`, 'dist/'),
    )
    const isKnown = (path: string): boolean => KERNEL_FILES.some(([known]) => known.test(path))
    const others = opened.filter(path => !isKnown(path) && !OTHERS_FILES.includes(path))
    t.same(others.sort(), ['dist/package.json', 'dist/preload.js'], 'beside what the kernel shows, the preload alone')
    for (const path of new Set(opened.filter(isKnown))) {
      const times = opened.filter(other => other === path).length
      t.ok(times <= 2, `${path} is opened ${times} times, of at most 2`)
    }
  })

/**
 * As in a container whose image sets NODE_OPTIONS, under `sh -c` or `npm start`: the shell above has the guard in its
 * environment and the same pipe as stderr. The script is in a file, since no command line further up may name the guard.
 */
function openedUnderShell(preloadFile: string): readonly string[] {
  const script = join(emptyFolder(), 'start.sh')
  writeFileSync(script, `export NODE_OPTIONS='--require ${preloadFile}'\nsh -c '"$NODE" -e "$APP"; exit 0'\n`)
  return openedBy(['sh', script], { ...FITS, NODE, APP }).filter(path => path !== script)
}

t.test('so it does under a shell that has the guard in its environment', { skip: why }, async t => {
  const dist = resolve('dist')
  const opened = beyond(openedUnderShell(GUARD), openedUnderShell(FLOOR))
  const others = opened.filter(
    path => !KERNEL_FILES.some(([known]) => known.test(path)) && !OTHERS_FILES.includes(path),
  )
  t.same(others.map(path => path.replace(`${dist}/`, 'dist/')).sort(), ['dist/package.json', 'dist/preload.js'])
})

t.test('what is off opens the preload itself and nothing more', { skip: why }, async t => {
  const opened = beyond(openedFiles(LINK, { HEAPGUARD_ENABLED: 'off' }), [...openedFiles(EMPTY), ...OTHERS_FILES])
  t.same(opened.map(path => path.replace(`${resolve('dist')}/`, 'dist/')).sort(), [
    'dist/package.json',
    'dist/preload.js',
  ])
})

/** The builtins that are loaded when the app's first line runs. */
async function builtins(
  preloadFile: string,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<readonly string[]> {
  // First the list, so that what process.stdout loads is not in it.
  const list = 'const list = JSON.stringify(process.moduleLoadList); process.stdout.write(list)'
  const { stdout, stderr, code } = await runNode({
    args: [...flags, '-e', list],
    preload: preloadFile,
    env,
    piped: true,
  })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as string[]
}

t.test('start-up loads no builtin', async t => {
  t.same(beyond(await builtins(LINK, FITS), await builtins(EMPTY)), [])
})

t.test('where only V8 knows its limit, start-up loads the builtins that node:v8 brings, and no other', async t => {
  const [empty, floor] = [await builtins(EMPTY), await builtins(FLOOR)]
  const guard = await builtins(LINK, FITS, ['--optimize-for-size'])
  const allowed = beyond(floor, empty)
  const loaded = beyond(guard, empty)
  t.same(beyond(loaded, allowed), [], `limit: the ${allowed.length} that node:v8 brings`)
  t.ok(
    loaded.some(name => /\bv8$/.test(name)),
    'node:v8 is one of them: the list is alive',
  )
})

t.test('what is off loads no builtin at all', async t => {
  t.same(beyond(await builtins(LINK, { HEAPGUARD_ENABLED: 'off' }), await builtins(EMPTY)), [])
})

const MOST_CALLS = 3
/** Memory management and other threads have their own reasons. */
const ON_FILES = 'open,openat,openat2,read,pread64,readv,write,writev,close,fstat,stat,lstat,newfstatat,statx,readlink'

t.test('a calm pulse opens, reads and closes one file of the kernel', { skip: why }, async t => {
  const trace = join(emptyFolder(), 'trace')
  const strace = ['-f', '-qq', '-e', `trace=${ON_FILES},epoll_wait,epoll_pwait`, '-o', trace]
  const node = [NODE, '--require', LINK, '-e', 'setTimeout(() => {}, 4000)']
  // So large that whatever else runs in this machine's group, half of it is far away.
  const env = [`PATH=${process.env.PATH}`, 'CONTAINER_MEMORY_MB=1000000', 'HEAPGUARD_PULSE_MS=50']
  spawnSync('env', ['-i', ...env, 'strace', ...strace, ...node])
  const lines = readFileSync(trace, 'utf8').split('\n')
  // Each line begins with the thread's id; the first is the main thread's.
  const [mainThread = ''] = (lines[0] ?? '').split(' ')
  const own = lines.filter(line => line.startsWith(`${mainThread} `) && !line.includes('resumed>'))
  // What the main thread does between two waits of its event loop.
  const turns: string[][] = [[]]
  for (const line of own)
    if (/ epoll_p?wait\(/.test(line)) turns.push([])
    else turns.at(-1)?.push(line.replace(/^\d+\s+/, ''))
  // Each look reads the group's usage. The end's own look is in a turn that writes.
  const pulses = turns.filter(turn => turn.some(call => /memory\.(usage_in_bytes|current)"/.test(call)))
  const calm = pulses.filter(turn => !turn.some(call => call.startsWith('write')))
  t.ok(calm.length >= 10, `${calm.length} pulses of at least 10 were seen`)
  // Every tenth look reads all files of the group; the usual one is the median.
  const usual = calm.sort((a, b) => a.length - b.length)[Math.floor(calm.length / 2)] ?? []
  t.ok(usual.length <= MOST_CALLS, `${usual.length} system calls on files, of at most ${MOST_CALLS}`, { usual })
})

/** A copy of what the build needs, so that a file can grow. */
function copyOfTheTree(t: Test): string {
  const folder = t.testdir()
  for (const path of ['preload', 'build.mjs', 'package.json', 'cli'])
    cpSync(resolve(path), join(folder, path), { recursive: true })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'dist'), { recursive: true })
  return folder
}

const build = (folder: string) => spawnSync(NODE, ['build.mjs'], { cwd: folder, encoding: 'utf8' })

t.test('a file over its byte budget fails the build, with the figure and the limit', async t => {
  const folder = copyOfTheTree(t)
  const before = build(folder)
  t.equal(before.status, 0, before.stderr)
  const main = join(folder, 'preload/main.ts')
  const built = readFileSync(join(folder, 'dist/preload.js'), 'utf8')
  const [, budget = ''] = /dist\/preload\.js\s+\d+ bytes of (\d+)/.exec(before.stdout) ?? []
  t.ok(Number(budget) <= 24 * 1024, `the budget of preload.js is ${budget} bytes, of at most ${24 * 1024}`)
  const padding = `process.env.never === 'x' && console.log(${JSON.stringify('x'.repeat(Number(budget)))})\n`
  writeFileSync(main, readFileSync(main, 'utf8') + padding)
  const { status, stderr } = build(folder)
  t.equal(status, 1)
  t.match(stderr, new RegExp(`preload\\.js is \\d+ bytes, \\d+ over its budget of ${budget}`))
  t.equal(readFileSync(join(folder, 'dist/preload.js'), 'utf8'), built, 'what was built before stays')
  t.strictSame(readdirSync(join(folder, '.cache')), [], 'and nothing else does')
})

t.test('a build takes no file away from those who run the bundle', async t => {
  const folder = copyOfTheTree(t)
  const built = join(folder, 'dist/gate.js')
  writeFileSync(built, 'as it was')
  writeFileSync(join(folder, 'dist/of-an-older-build.js'), '')
  const opened = openSync(built, 'r')
  t.equal(build(folder).status, 0)
  t.equal(
    readFileSync(opened, 'utf8'),
    'as it was',
    'a new file in the place of the old one, not the old one written anew',
  )
  closeSync(opened)
  t.equal(readFileSync(built, 'utf8'), readFileSync(resolve('dist/gate.js'), 'utf8'))
  t.strictSame(readdirSync(join(folder, 'dist')), readdirSync(resolve('dist')), 'nothing of an older build')
  t.strictSame(readdirSync(join(folder, '.cache')), [])
})
