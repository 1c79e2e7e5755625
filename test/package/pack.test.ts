// What users get: the package as npm packs it, installed in somebody's node_modules.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, GUARD, recordsIn, runNode, withoutRecords } from '../preload/node.ts'

t.test('npm pack holds what users need, and nothing else', async t => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], { encoding: 'utf8' }),
  )
  t.strictSame(packed.files.map((file: { path: string }) => file.path).sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist/autosize.js',
    'dist/boot.js',
    'dist/evidence.js',
    'dist/gate.js',
    'dist/heapguard.js',
    'dist/metrics.js',
    'dist/package.json',
    'dist/preload.js',
    'dist/record.js',
    'dist/watch.js',
    'dist/watchdog.js',
    'package.json',
  ])
  t.notOk(JSON.parse(readFileSync('package.json', 'utf8')).dependencies, 'no run-time dependency')
})

t.test('the packed file, installed: npx heapguard is the command line, and --require heapguard the guard', async t => {
  const folder = emptyFolder()
  const npm = (...words: string[]) => execFileSync('npm', words, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder])
  const [{ filename }] = JSON.parse(packed.toString())
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  // It depends on nothing, so nothing is fetched.
  npm('install', '--offline', '--no-audit', '--no-fund', `./${filename}`)
  t.match(npm('exec', '--offline', '--', 'heapguard', '--version'), /^\d+\.\d+\.\d+\n$/)
  t.match(npm('exec', '--offline', '--', 'heapguard', '--help'), /^heapguard doctor /)
  const { stderr } = await runNode({ args: ['-e', '0'], preload: 'heapguard', cwd: folder })
  t.match(recordsIn(stderr)[0], { event: 'heap-validated' })
})

t.test('in a clone npx finds the command line too', async t =>
  t.match(
    execFileSync('npm', ['exec', '--offline', '--', 'heapguard', '--version'], { encoding: 'utf8' }),
    /^\d+\.\d+\.\d+\n$/,
  ),
)

t.test('--require heapguard works from node_modules, below a package.json of type module', async t => {
  const folder = emptyFolder()
  const home = join(folder, 'node_modules/heapguard')
  mkdirSync(home, { recursive: true })
  cpSync('dist', join(home, 'dist'), { recursive: true })
  cpSync('package.json', join(home, 'package.json'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'app.js'), 'console.log(import.meta.url.slice(0, 5))')
  const required = await runNode({ args: ['app.js'], preload: 'heapguard', cwd: folder })
  t.equal(required.stdout, 'file:\n')
  t.match(recordsIn(required.stderr)[0], { event: 'heap-validated' })
  const imported = await runNode({ args: ['--import', 'heapguard', 'app.js'], cwd: folder })
  t.match(recordsIn(imported.stderr)[0], { event: 'heap-validated' })
})

t.test('a package.json of type module above the copied folder does not turn the bundle into ESM', async t => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  cpSync('dist', join(folder, 'heapguard'), { recursive: true })
  const { code, stderr } = await runNode({ args: ['-e', ''], preload: join(folder, 'heapguard/preload.js') })
  t.equal(code, 0)
  t.match(recordsIn(stderr)[0], { event: 'heap-validated' })
})

t.test('preload.js alone: a quiet start gives its verdict, and the first look says what is missing', async t => {
  const folder = emptyFolder()
  cpSync(GUARD, join(folder, 'alone.js'))
  const { code, stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 3000)'],
    preload: join(folder, 'alone.js'),
    nodeOptions: '--max-old-space-size=384',
    env: { CONTAINER_MEMORY_MB: '1024' },
    piped: true,
  })
  t.equal(code, 0)
  t.match(recordsIn(stderr), [{ event: 'heap-validated', verdict: 'fits' }, { event: 'shutdown' }])
  t.match(withoutRecords(stderr), /^heapguard: could not go on \([^\n]*boot\.js[^\n]*\); the app runs without it\n$/)
})

t.test('preload.js alone, with a setting of the watch: one line, and the app runs', async t => {
  const folder = emptyFolder()
  cpSync(GUARD, join(folder, 'alone.js'))
  const { code, stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 50)'],
    preload: join(folder, 'alone.js'),
    env: { HEAPGUARD_PROFILE: 'true' },
  })
  t.equal(code, 0)
  t.match(stderr, /^heapguard: could not start \([^\n]*boot\.js[^\n]*\); the app runs without it\n$/)
})

t.test('without its third file the guard still gives its verdict, and says once what is missing', async t => {
  const folder = emptyFolder()
  cpSync(GUARD, join(folder, 'preload.js'))
  cpSync(GUARD.replace('preload.js', 'boot.js'), join(folder, 'boot.js'))
  t.notOk(existsSync(join(folder, 'watch.js')))
  const { code, stderr } = await runNode({
    args: ['-e', 'setTimeout(() => {}, 200)'],
    preload: join(folder, 'preload.js'),
    nodeOptions: '--max-old-space-size=384',
    // The destination, at its default, is no setting that a quiet start goes by: the verdict is the whole guard's.
    env: { CONTAINER_MEMORY_MB: '1024', HEAPGUARD_INTERVAL_MS: '20', HEAPGUARD_LOG_FILE: 'stderr' },
  })
  t.equal(code, 0)
  t.match(recordsIn(stderr), [
    { event: 'heap-validated', verdict: 'fits' },
    { event: 'evidence-problem', reason: /watch\.js is missing/ },
    { event: 'shutdown' },
  ])
  const misfit = await runNode({
    args: ['-e', ''],
    preload: join(folder, 'preload.js'),
    nodeOptions: '--max-old-space-size=384',
    env: { CONTAINER_MEMORY_MB: '256', HEAPGUARD_LOG_LEVEL: 'shout' },
  })
  t.match(recordsIn(misfit.stderr)[0], { event: 'heap-validated', level: 'warn', verdict: 'exceeds' })
})
