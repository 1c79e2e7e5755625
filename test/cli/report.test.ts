// heapguard report, the built one, on logs that real processes wrote.
import { spawn } from 'node:child_process'
import {
  chmodSync,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { emptyFolder, GUARD, NODE, runNode } from '../preload/node.ts'
import { CLI, runCli } from './heapguard.ts'

const ESCAPE = '\x1b'
const folder = emptyFolder()
const app = `console.log('an app of its own'); const kept = []
  const timer = setInterval(() => { kept.push(new Array(1e5).fill(1)); if (kept.length === 12) { clearInterval(timer) } }, 25)`
const { stdout, stderr } = await runNode({
  args: ['-e', app],
  preload: GUARD,
  nodeOptions: '--max-old-space-size=96 --max-semi-space-size=1',
  env: { HEAPGUARD_INTERVAL_MS: '25', CONTAINER_MEMORY_MB: '256' },
})
const log = join(folder, 'app.log')
writeFileSync(log, stdout + stderr)

t.test('a chart for people', async t => {
  const { code, stdout } = await runCli(['report', log])
  t.equal(code, 0)
  t.match(stdout, /^heapguard report: app\.log, \d+ records of 1 process\n/)
  t.match(stdout, /[\u2801-\u28ff]/, 'drawn')
  t.match(stdout, /heap \d+\n/)
  t.match(stdout, /Ended with code 0\./)
  t.notOk(stdout.includes(ESCAPE), 'no colours where there is no terminal')
  t.ok((await runCli(['report', log], { env: { FORCE_COLOR: '1' } })).stdout.includes(ESCAPE))
})

t.test('the same for programs', async t => {
  const { code, stdout } = await runCli(['report', log, '--json'])
  t.equal(code, 0)
  const [process, ...others] = JSON.parse(stdout).processes
  t.strictSame(others, [])
  t.match(process, { boot: { verdict: 'fits' }, end: { kind: 'exit', exitCode: 0 } })
  t.ok(process.samples >= 5, `${process.samples} samples`)
  t.equal(process.series.rssMB.length, process.series.timeMs.length)
})

t.test('stdin, gzip, and gzip in two members give the same', async t => {
  const whole = readFileSync(log)
  const want = JSON.parse((await runCli(['report', log, '--json'])).stdout).processes
  const packed = join(folder, 'app.log.gz')
  writeFileSync(packed, Buffer.concat([gzipSync(whole.subarray(0, 700)), gzipSync(whole.subarray(700))]))
  t.strictSame(JSON.parse((await runCli(['report', packed, '--json'])).stdout).processes, want)
  for (const [name, bytes] of [
    ['plain', whole],
    ['gzip', gzipSync(whole)],
  ] as const) {
    const { code, stdout } = await throughPipe(['report', '-', '--json'], bytes)
    t.equal(code, 0, name)
    t.strictSame(JSON.parse(stdout).processes, want, name)
  }
})

t.test('UTF-16, and gzip of it, give the same', async t => {
  const want = JSON.parse((await runCli(['report', log, '--json'])).stdout).processes
  const bytes = Buffer.from(`\ufeff${readFileSync(log, 'utf8').replaceAll('\n', '\r\n')}`, 'utf16le')
  for (const [name, content] of [
    ['wide.log', bytes],
    ['wide.gz', gzipSync(bytes)],
  ] as const) {
    writeFileSync(join(folder, name), content)
    t.strictSame(JSON.parse((await runCli(['report', join(folder, name), '--json'])).stdout).processes, want, name)
  }
})

t.test('a page that holds everything', async t => {
  const page = join(folder, 'report.html')
  t.match(await runCli(['report', log, '--html', page]), { code: 0, stdout: /report\.html is written/ })
  const html = readFileSync(page, 'utf8')
  t.match(html, /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/)
  t.notMatch(html, /(src|href)=["']?(https?:)?\/\//, 'nothing from elsewhere')
})

t.test('the page to stdout, and nothing else there', async t => {
  const { code, stdout, stderr } = await runCli(['report', log, '--html', '-'])
  t.equal(code, 0)
  t.match(stdout, /^<!doctype html>[\s\S]*<\/html>\n$/)
  t.equal(stderr, '')
  t.notOk(existsSync('-'))
  t.match(await runCli(['report', log, '--html', '-', '--json']), { code: 2, stdout: '', stderr: /both go to stdout/ })
})

const own = join(folder, 'own.log')
writeFileSync(own, readFileSync(log))
linkSync(own, join(folder, 'hard.html'))
symlinkSync('own.log', join(folder, 'soft.html'))
for (const name of ['own.log', 'hard.html', 'soft.html'])
  t.test(`the log is never overwritten with its page: ${name}`, async t => {
    const page = join(folder, name)
    t.match(await runCli(['report', own, '--html', page]), { code: 2, stdout: '', stderr: /is the log itself/ })
    t.match(await throughShell(`report - --html ${page} < ${own}`), { code: 2, stderr: /is the log itself/ })
    t.ok(readFileSync(own).equals(readFileSync(log)))
  })

const EVIL =
  '{"time":"2026-11-23T19:14:01.294Z","level":"warn","name":"heapguard","event":"</script><script>x","pid":1,"msg":"<img src=x onerror=alert(1)>\\u001b[2J"}'

t.test('a log that means harm is only text', async t => {
  const path = join(folder, 'evil.log')
  const page = join(folder, 'evil.html')
  writeFileSync(path, `${EVIL}\n`)
  t.notOk((await runCli(['report', path])).stdout.includes(ESCAPE))
  await runCli(['report', path, '--html', page])
  const html = readFileSync(page, 'utf8')
  t.notMatch(html, /<img/)
  t.equal(html.match(/<script/g)?.length, 2, 'the data and our own')
})

mkdirSync(join(folder, 'a-folder'))
const packed = gzipSync(readFileSync(log))
for (const [name, content, words, reason] of [
  ['nothing at all', '', [], /holds no record of heapguard/],
  ['other lines', 'hello\n{"a":1}\n', [], /holds no record of heapguard/],
  [
    'lines in text form',
    '12:00:01Z heapguard[7] warn  a sentence\n',
    [],
    /holds 1 line of the guard, but as text.*HEAPGUARD_LOG_FORMAT=json/,
  ],
  ['broken gzip', Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(40, 7)]), [], /is broken gzip/],
  [
    'gzip that breaks off',
    packed.subarray(0, packed.length - 20),
    [],
    /is broken gzip: .*; what could be read is shown|is broken gzip/,
  ],
  [
    'a page that cannot be written',
    readFileSync(log),
    ['--html', '/no/such/folder/x.html'],
    /x\.html cannot be written/,
  ],
] as const)
  t.test(`${name}: 2, and why`, async t => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.log`)
    writeFileSync(path, content)
    const { code, stderr } = await runCli(['report', path, ...words])
    t.equal(code, 2)
    t.match(stderr, reason)
    t.equal(stderr.trim().split('\n').length, 1, 'one line')
  })

for (const [name, path, reason] of [
  ['no such file', join(folder, 'nothing'), /nothing is not there/],
  ['a folder', join(folder, 'a-folder'), /a-folder is a folder, not a log/],
] as const)
  t.test(`${name}: 2, and why`, async t => t.match(await runCli(['report', path]), { code: 2, stderr: reason }))

t.test(
  'a file that this user may not read',
  { skip: process.getuid?.() === 0 ? 'root may read all' : false },
  async t => {
    const path = join(folder, 'secret.log')
    writeFileSync(path, '')
    chmodSync(path, 0)
    t.match(await runCli(['report', path]), { code: 2, stderr: /cannot be read by this user/ })
  },
)

t.test('| head is quiet', async t => {
  t.equal((await throughShell(`report ${log} --json | head -c 10`)).stderr, '')
})

t.test('a large log: much is read, little is held', async t => {
  const path = join(folder, 'large.log')
  const file = createWriteStream(path)
  const other = Buffer.from(`${'{"level":30,"msg":"a line of the app, which nobody asked for"}\n'.repeat(16_000)}`)
  const record = (at: number) =>
    `{"time":"${new Date(1.8e12 + at * 1000).toISOString()}","level":"info","name":"heapguard","event":"memory","pid":7,"msg":"m","rssMB":${at % 100},"uptimeS":${at}}\n`
  for (let piece = 0; piece < 200; piece++) {
    let ours = ''
    for (let at = 0; at < 100; at++) ours += record(piece * 100 + at)
    file.write(other)
    if (!file.write(ours)) await new Promise<void>(done => file.once('drain', () => done()))
  }
  await new Promise<void>(done => file.end(() => done()))
  const { code, stdout } = await runNode({
    args: ['--max-old-space-size=64', resolve('dist/heapguard.js'), 'report', path, '--json'],
  })
  t.equal(code, 0)
  const { records, processes } = JSON.parse(stdout)
  t.equal(records, 20_000)
  t.match(processes, [{ samples: 20_000, samplesAPoint: 16 }])
})

async function throughShell(words: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn('env', ['-i', `PATH=${process.env.PATH}`, 'sh', '-c', `${NODE} ${CLI} ${words}`])
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  return new Promise(done => child.on('close', code => done({ code, stderr })))
}

function throughPipe(words: readonly string[], input: Buffer): Promise<{ code: number | null; stdout: string }> {
  const child = spawn('env', ['-i', `PATH=${process.env.PATH}`, NODE, CLI, ...words])
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stdin.end(input)
  return new Promise(done => child.on('close', code => done({ code, stdout })))
}
