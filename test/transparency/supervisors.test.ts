// What commonly stands in front of an app, and what it stands in front of.
import { spawnSync } from 'node:child_process'
import { basename, dirname, resolve } from 'node:path'
import t from 'tap'
import { GUARD } from '../preload/node.ts'
import { type Case, compareCases, runCase } from './harness.ts'

const keep = 'setInterval(() => {}, 1000);'
const manifest = (start: string): Record<string, string> => ({
  'package.json': JSON.stringify({
    name: 'app',
    version: '1.0.0',
    bin: 'app.js',
    scripts: { start, helper: 'node -p 1' },
  }),
})
const missing = (command: string): string | undefined =>
  spawnSync('sh', ['-c', `command -v ${command}`]).status === 0 ? undefined : `no ${command} here`
const quiet = { npm_config_update_notifier: 'false', npm_config_fund: 'false', npm_config_audit: 'false' }
const npmBlur = (text: string): string =>
  text.replaceAll(/^npm (warn|notice|error).*\n/gim, '').replaceAll(/\S*_logs\S*/g, '<log>')

const handled = `process.on('SIGTERM', () => { console.log('got'); process.exit(3) }); look('start'); ${keep} ready()`
const unhandled = `look('start'); ${keep} ready()`

t.jobs = 2
compareCases(t, {
  'npm run, a handler': {
    script: handled,
    as: 'app.js',
    files: manifest('node app.js'),
    env: quiet,
    blur: npmBlur,
    skip: missing('npm'),
    command: () => ['npm', 'run', '--silent', 'start'],
    steps: ['wait for ready', 'all SIGTERM'],
  },
  'npm run, no handler': {
    script: unhandled,
    as: 'app.js',
    files: manifest('node app.js'),
    env: quiet,
    blur: npmBlur,
    skip: missing('npm'),
    command: () => ['npm', 'run', '--silent', 'start'],
    steps: ['wait for ready', 'all SIGTERM'],
  },
  'npm run and Ctrl+C for the whole group': {
    script: handled.replace('SIGTERM', 'SIGINT'),
    as: 'app.js',
    files: manifest('node app.js'),
    env: quiet,
    blur: npmBlur,
    skip: missing('npm'),
    command: () => ['npm', 'start', '--silent'],
    steps: ['wait for ready', 'all SIGINT'],
    full: true,
  },
  'npm run, its output parsed': {
    script: '',
    files: manifest(''),
    env: quiet,
    blur: npmBlur,
    skip: missing('npm'),
    command: () => ['npm', 'run', '--silent', 'helper'],
    want: { code: 0, stdout: '1\n', stderr: '' },
  },
  'npm exec': {
    script: 'console.log("ran")',
    as: 'app.js',
    files: manifest(''),
    env: quiet,
    blur: npmBlur,
    skip: missing('npm'),
    command: () => ['npm', 'exec', '--offline', '-c', 'node app.js'],
    want: { code: 0, stdout: /ran/ },
    full: true,
  },
  'npx, a handler': {
    script: handled,
    as: 'app.js',
    files: manifest(''),
    env: quiet,
    blur: npmBlur,
    skip: missing('npx'),
    command: () => ['npx', '--no', '-c', 'node app.js'],
    steps: ['wait for ready', 'all SIGTERM'],
  },
  'node --run': {
    script: handled,
    as: 'app.js',
    files: manifest('node app.js'),
    from: 22,
    command: ({ node }) => [node, '--run', 'start'],
    steps: ['wait for ready', 'all SIGTERM'],
  },
  'node --watch, stopped by SIGTERM': {
    script: unhandled,
    as: 'app.js',
    command: ({ node }) => [node, '--watch', 'app.js'],
    steps: ['wait for ready', 'SIGTERM'],
    blur: text => text.replaceAll(/^.*ExperimentalWarning.*\n.*\n/gm, ''),
  },
  'node --watch, a handler': {
    script: handled,
    as: 'app.js',
    command: ({ node }) => [node, '--watch', 'app.js'],
    steps: ['wait for ready', 'SIGTERM'],
    blur: text => text.replaceAll(/^.*ExperimentalWarning.*\n.*\n/gm, ''),
  },
  'node --test': {
    script: `require('node:test')('one', () => look('in a test')); require('node:test')('two', () => { throw new Error('x') })`,
    as: 'app.test.js',
    command: ({ node }) => [node, '--test', '--test-reporter=tap'],
    want: { code: 1 },
    blur: text =>
      text
        .replaceAll(/duration_ms: [\d.]+/g, 'duration_ms')
        .replaceAll(/duration_ms [\d.]+/g, 'duration_ms')
        .replaceAll(/^# Subtest.*cwd.*$/gm, '#'),
  },
  'node --test with coverage, the guard in a folder of node_modules': {
    script: `require('node:test')('one', () => {})`,
    as: 'app.test.js',
    full: true,
    // The preload with its other files, where the image and the npm package have it.
    command: ({ node, env }) => {
      const preload = env.NODE_OPTIONS?.split(' ').at(-1) ?? ''
      const test = `"${node}" --test --experimental-test-coverage --test-reporter=tap`
      const copy = `mkdir -p node_modules/guard && cp ${dirname(preload)}/*.*js* node_modules/guard`
      const line = `export NODE_OPTIONS=; ${copy}; NODE_OPTIONS="--require $PWD/node_modules/guard/${basename(preload)}" ${test}; code=$?; rm -r node_modules; exit $code`
      return ['sh', '-c', line]
    },
    want: { code: 0, stdout: /# all files +\| 100\.00/ },
    blur: text => text.replaceAll(/duration_ms:? [\d.]+/g, 'duration_ms'),
  },
  'sh -c, which waits for it': {
    script: handled,
    as: 'app.js',
    command: ({ node }) => ['sh', '-c', `${node} app.js; echo $?`],
    steps: ['wait for ready', 'all SIGTERM'],
  },
  timeout: {
    script: handled,
    as: 'app.js',
    // Counted from the spawn on: a start that is slow must have its handler by then.
    command: ({ node }) => ['timeout', '--preserve-status', '4', node, 'app.js'],
    want: { code: 3 },
  },
  nohup: {
    script: handled.replace('SIGTERM', 'SIGHUP'),
    as: 'app.js',
    command: ({ node }) => ['nohup', node, 'app.js'],
    steps: ['wait for ready', 'SIGHUP', kill => setTimeout(() => kill('SIGKILL'), 500)],
  },
  'SIGTERM ignored by who started it': {
    script: unhandled,
    as: 'app.js',
    command: ({ node }) => ['sh', '-c', `trap '' TERM; exec ${node} app.js`],
    steps: ['wait for ready', 'SIGTERM'],
  },
  'a primary of cluster with two workers': {
    script: `const cluster = require('cluster'); if (cluster.isPrimary) { let up = 0; for (let i = 0; i < 2; i++) cluster.fork(); cluster.on('online', () => ++up === 2 && ready()); cluster.on('exit', (w, code, signal) => console.log(code, signal)) } else { ${keep} }`,
    as: 'app.js',
    steps: ['wait for ready', 'SIGTERM'],
    want: { signal: 'SIGTERM' },
  },
  'cluster.disconnect': {
    script: `const cluster = require('cluster'); if (cluster.isPrimary) { cluster.fork().on('listening', function () { this.disconnect() }).on('exit', (code, signal) => console.log(code, signal)) } else require('net').createServer().listen(0)`,
    as: 'app.js',
    want: { code: 0, stdout: '0 null\n' },
  },
  'a detached child that outlives its parent': {
    script: `if (process.argv[2]) { setTimeout(() => { require('fs').writeFileSync('done', 'x') }, 300) } else { require('child_process').spawn(process.execPath, [__filename, 'child'], { detached: true, stdio: 'ignore' }).unref(); console.log('parent over') }`,
    as: 'app.js',
    want: { code: 0, stdout: 'parent over\n' },
    full: true,
  },
} satisfies Record<string, Case>)

t.test('who may speak', async t => {
  t.jobs = 3
  /** A process manager under the guard, which captures what its service says and prints how it ended. */
  const manager = (service: string, ...flags: string[]): string => `
    const child = require('child_process').spawn(process.execPath, ${JSON.stringify([...flags, '-e', service])}, { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''; child.stderr.on('data', data => { text += data })
    child.on('close', () => { console.log(text.split('\\n').filter(Boolean).map(line => JSON.parse(line).event).join()) })`
  const said = async (script: string, env: Record<string, string> = {}): Promise<string> =>
    (await runCase({ script, env }, GUARD, 'default')).seen.stdout.trim()

  t.test('a captured child that lives for two seconds: not a word', async t =>
    t.equal(await said(manager('setTimeout(() => {}, 2000)'), { HEAPGUARD_INTERVAL_MS: '500' }), ''),
  )
  t.test('a captured child that lives for eleven: all of it, in order', async t =>
    t.match(
      await said(manager('setTimeout(() => {}, 11000)'), { HEAPGUARD_INTERVAL_MS: '4000' }),
      /^heap-validated,memory,memory,shutdown$/,
    ),
  )
  t.test('a captured child that is over within two seconds, with pressure to report: all of it', async t => {
    // V8 alone may be content with what it had collected before the first look, and nothing is judged without a collection.
    const fills = `const kept = Array.from({ length: 40 }, () => new Array(131072).fill(1.5))
      setInterval(gc, 100).unref(); setTimeout(() => kept, 1500)`
    const env = { HEAPGUARD_WARN_PERCENT: '40', HEAPGUARD_PULSE_MS: '50', HEAPGUARD_INTERVAL_MS: '0' }
    const service = manager(fills, '--max-old-space-size=64', '--expose-gc')
    t.match(await said(service, env), /^heap-validated,(pressure,)+shutdown$/)
  })
  t.test('one that was busy for all of that time', async t =>
    t.equal(
      await said(manager('const end = Date.now() + 10500; while (Date.now() < end);'), { HEAPGUARD_INTERVAL_MS: '0' }),
      'heap-validated,shutdown',
    ),
  )
  t.test('a child that shares the stderr of its parent speaks at once', async t => {
    const script = `require('child_process').spawnSync(process.execPath, ['-e', ''], { stdio: 'inherit' })`
    const { records } = await runCase({ script }, GUARD, 'default')
    t.equal(records.filter(record => record.event === 'heap-validated').length, 2)
  })
  t.test('a child of a parent without the guard speaks at once', async t => {
    const helper = `console.log(require('child_process').spawnSync(process.execPath, ['-e', ''], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '--require ' + process.env.P + 's' } }).stderr.split('\\n').length)`
    const { seen } = await runCase(
      { script: helper, env: { P: GUARD.slice(0, -1) } },
      resolve('test/fixtures/empty.cjs'),
      'default',
    )
    t.equal(seen.stdout, '3\n')
  })
  t.test('a child whose stdout alone is captured, with the lines on stdout', async t => {
    const script = `console.log(JSON.stringify(require('child_process').execFileSync(process.execPath, ['-p', '1'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })))`
    const { seen } = await runCase({ script, env: { HEAPGUARD_LOG_FILE: 'stdout' } }, GUARD, 'default')
    t.match(seen.stdout, '"1\\n"\n')
  })
})
