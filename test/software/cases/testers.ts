// Test runners, and what counts what they covered.
import { blurTimes, command, plain, type Software } from '../case.ts'

const common = {
  'package.json': '{"name":"app","version":"1.0.0"}',
  'add.js': `exports.add = (a, b) => a + b; exports.never = () => 1\n`,
}
const blur = (text: string): string =>
  blurTimes(plain(text))
    .replaceAll(/^.*(Start at|Duration|Time:|Snapshots:) .*\n/gm, '')
    .replaceAll(/<time>|\(\d+\)/g, '')
    .replaceAll(/[ \t]+$/gm, '')
const env = { CI: '1', FORCE_COLOR: '0', NO_COLOR: '1' }
// Out of the way: c8 runs its program beside a watchdog, which may be killed before or after it has written its file.
const c8 = ['c8', '--temp-directory=../v8', '--reporter=json-summary', '--reporter=text']
/** Where coverage tools write the numbers that are compared. */
const totals = /coverage(-summary|-final)?\.json$|lcov\.info$/

const jestTest = `const { add } = require('./add'); test('adds', () => { expect(add(1, 2)).toBe(3) }); test('fails', () => { expect(add(1, 2)).toBe(4) });
  test('timers', () => { jest.useFakeTimers(); const f = jest.fn(); setTimeout(f, 60000); setInterval(f, 1000); jest.advanceTimersByTime(60000); expect(f.mock.calls.length).toBe(61); jest.useRealTimers() });
  test('listeners', () => { expect(process.listenerCount('SIGTERM')).toBe(0) })\n`
const passing = `const { add } = require('./add'); test('adds', () => { expect(add(1, 2)).toBe(3) })\n`

export const testers: Readonly<Record<string, Software>> = {
  'a file that fails, fake timers': {
    folder: 'jest',
    files: { ...common, 'add.test.js': jestTest },
    script: '',
    env,
    blur,
    command: command('jest', '--ci', '--runInBand'),
    want: { code: 1, stderr: /1 failed, 3 passed/ },
  },
  'workers, open handles, coverage': {
    folder: 'jest',
    files: { ...common, 'add.test.js': passing, 'other.test.js': passing, 'third.test.js': passing },
    script: '',
    env,
    blur: text => blur(text).replaceAll(/^PASS .*\n/gm, ''),
    texts: totals,
    command: command(
      'jest',
      '--ci',
      '--maxWorkers=2',
      '--coverage',
      '--coverageReporters=json-summary',
      '--coverageReporters=text',
      '--silent',
    ),
    want: { code: 0, stderr: /3 passed/, texts: { 'coverage/coverage-summary.json': /add\.js/ } },
  },
  'jest --detectOpenHandles': {
    folder: 'jest',
    files: {
      ...common,
      'add.test.js': `test('leaves a timer', () => { setTimeout(() => {}, 300000).unref(); setTimeout(() => {}, 1500) })`,
    },
    script: '',
    env,
    blur,
    command: command('jest', '--ci', '--detectOpenHandles', '--forceExit'),
    want: { code: 0, stderr: /1 passed/ },
  },
  'vitest run, threads and forks': {
    folder: 'vitest',
    files: {
      'package.json': '{"type":"module"}',
      'add.js': 'export const add = (a, b) => a + b',
      'add.test.js': `import { expect, test, vi } from 'vitest'; import { add } from './add.js'; test('adds', () => { expect(add(1, 2)).toBe(3) }); test('fake timers', () => { vi.useFakeTimers(); const f = vi.fn(); setInterval(f, 1000); vi.advanceTimersByTime(5000); expect(f.mock.calls.length).toBe(5); vi.useRealTimers() }); test('fails', () => { expect(add(1, 1)).toBe(3) })`,
    },
    script: '',
    env,
    blur,
    command: () => [
      'sh',
      '-c',
      '../../node_modules/.bin/vitest run --pool=threads; ../../node_modules/.bin/vitest run --pool=forks',
    ],
    want: { code: 1, stdout: /1 failed \| 2 passed/ },
  },
  'a file that fails, a hook, a timeout': {
    folder: 'mocha',
    quick: true,
    files: {
      ...common,
      'test/add.js': `const assert = require('assert'); const { add } = require('../add'); after(() => console.log('after')); describe('add', () => { it('adds', () => assert.equal(add(1, 2), 3)); it('fails', () => assert.equal(add(1, 2), 4)); it('is slow', function (done) { this.timeout(100) }) })`,
    },
    script: '',
    env,
    blur: text => blur(text).replaceAll(/^\s+at .*\n/gm, ''),
    command: command('mocha'),
    want: { code: 2, stdout: /1 passing[\s\S]*2 failing/ },
  },
  'mocha --parallel --exit': {
    folder: 'mocha',
    files: {
      ...common,
      'test/a.js': `it('a', () => {})`,
      'test/b.js': `it('b', () => {}); setInterval(() => {}, 1000)`,
    },
    script: '',
    env,
    blur,
    attempts: 3,
    command: command('mocha', '--parallel', '--exit', '--reporter=dot'),
    want: { code: 0, stdout: /2 passing/ },
  },
  'mocha: Ctrl+C in the middle': {
    folder: 'mocha',
    files: {
      ...common,
      'test/a.js': `it('a', function (done) { this.timeout(0); console.log('ready') }); it('b', () => console.log('never'))`,
    },
    script: '',
    env,
    blur,
    steps: ['wait for ready', 'all SIGINT'],
    command: command('mocha'),
    want: { stdout: /ready/ },
  },
  'ava, processes and threads': {
    folder: 'ava',
    files: {
      'package.json': '{"type":"module","ava":{"files":["*.test.js"]}}',
      'a.test.js': `import test from 'ava'; test('adds', t => t.is(1 + 2, 3)); test('fails', t => t.is(1, 2)); test('env', t => t.falsy(process.listenerCount('SIGTERM')))`,
    },
    script: '',
    env,
    blur,
    command: () => [
      'sh',
      '-c',
      '../../node_modules/.bin/ava --tap; ../../node_modules/.bin/ava --tap --no-worker-threads',
    ],
    want: { code: 1, stdout: /# fail 1/ },
  },
  'a test that fails, by tap': {
    folder: 'tap',
    files: {
      'package.json': '{}',
      'test/a.test.js': `const t = require('tap'); t.equal(1 + 2, 3); t.test('sub', async t => { t.ok(false) })`,
    },
    script: '',
    env: { ...env, TAP_REPORTER: 'tap' },
    blur: text =>
      blur(text)
        .replaceAll(/time=[\d.]+(ms)?/g, 'time')
        .replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, '<id>'),
    command: command('tap', 'run', '--disable-coverage', '--jobs=1'),
    want: { code: 1, stdout: /not ok 1/ },
  },
  'coverage totals are equal: a process, a child, a worker': {
    folder: 'c8',
    quick: true,
    files: {
      ...common,
      'app.js': `const { add } = require('./add'); const { spawnSync } = require('child_process'); const { Worker } = require('worker_threads'); console.log(add(1, 2)); if (!process.argv[2]) { spawnSync(process.execPath, [__filename, 'child'], { stdio: 'inherit' }); new Worker("require('./add').add(1, 1)", { eval: true }) }`,
    },
    script: '',
    blur: blur,
    texts: totals,
    command: command(...c8, '--reporter=lcovonly', '--exclude=nothing', 'node', 'app.js'),
    want: { code: 0, stdout: /add\.js/, texts: { 'coverage/coverage-summary.json': /add\.js/ } },
  },
  'c8 --all, code of a program that fails': {
    folder: 'c8',
    files: { ...common, 'app.js': `require('./add'); process.exitCode = 4`, 'unused.js': 'exports.unused = () => 1' },
    script: '',
    blur: blur,
    texts: totals,
    command: command(...c8, '--all', 'node', 'app.js'),
    want: { code: 4, stdout: /unused\.js/ },
  },
  'coverage totals are equal, a child too': {
    folder: 'nyc',
    files: {
      ...common,
      'app.js': `const { add } = require('./add'); const { spawnSync } = require('child_process'); console.log(add(1, 2)); if (!process.argv[2]) { spawnSync(process.execPath, [__filename, 'child'], { stdio: 'inherit' }) }`,
    },
    script: '',
    blur,
    texts: totals,
    command: command(
      'nyc',
      '--temp-dir=../nyc',
      '--cache=false',
      '--reporter=json-summary',
      '--reporter=text',
      'node',
      'app.js',
    ),
    want: { code: 0, stdout: /add\.js/, texts: { 'coverage/coverage-summary.json': /add\.js/ } },
  },
}
