// Last words in real files; what /proc says of other processes is given.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openLastWords } from '../../preload/evidence/termination-log.ts'
import { failure } from './memory-files.ts'

const folder = fs.mkdtempSync(join(tmpdir(), 'heapguard-test-'))
t.teardown(() => fs.rmSync(folder, { recursive: true }))
let count = 0
const newPath = (): string => join(folder, `last-words-${++count}`)

const PID = 7
const wordsOf = (pid: number): string =>
  `heapguard, 2026-11-24T05:30:00.123Z, pid ${pid} (warning): The JS heap is full.`
const stat = (state: string): string => `1 (node) ${state} ${'0 '.repeat(18)}4711 0\n`
const INIT = { '/proc/1/stat': stat('S') }
type Proc = Readonly<Record<string, string | Error>>

const open = (path: string, proc: Proc = INIT) =>
  openLastWords(path, {
    files: fs,
    readText: asked => {
      const found = proc[asked]
      if (found instanceof Error) throw found
      return found
    },
    pid: PID,
  })

for (const [name, before, proc, isReplaced] of [
  ['an empty file', '', INIT, true],
  ["this process's, the watchdog's among them", wordsOf(PID), INIT, true],
  ["another program's", 'Error: no such table\n', INIT, false],
  ["another program's that quotes a guard's", `> ${wordsOf(PID)}`, INIT, false],
  ["a living guard's", wordsOf(8), { ...INIT, '/proc/8/stat': stat('R') }, false],
  ["a guard's whose pid begins as this one's", wordsOf(70), { ...INIT, '/proc/70/stat': stat('S') }, false],
  ["a guard's that is gone", wordsOf(8), INIT, true],
  [
    "a guard's that was killed, and that nobody has waited for",
    wordsOf(8),
    { ...INIT, '/proc/8/stat': stat('Z') },
    true,
  ],
  ["a guard's, where there is no /proc", wordsOf(8), {}, false],
  ["a guard's that may not be asked for", wordsOf(8), { ...INIT, '/proc/8/stat': failure('EACCES') }, false],
] as const) {
  t.test(`words that are there: ${name}: replaced ${isReplaced}`, async t => {
    const path = newPath()
    fs.writeFileSync(path, before)
    open(path, proc).write('new')
    t.equal(fs.readFileSync(path, 'utf8'), isReplaced ? 'new' : before)
  })
  t.test(`words that are there: ${name}: cleared ${isReplaced}`, async t => {
    const path = newPath()
    fs.writeFileSync(path, before)
    open(path, proc).clear()
    t.equal(fs.readFileSync(path, 'utf8'), isReplaced ? '' : before)
  })
}

t.test('a long sentence is cut at 1024 bytes, between two characters, and can be cleared', async t => {
  const path = newPath()
  fs.writeFileSync(path, '')
  const words = open(path)
  words.write(`${wordsOf(PID)}${'…'.repeat(1000)}`)
  const written = fs.readFileSync(path, 'utf8')
  t.ok(Buffer.byteLength(written) > 1020 && Buffer.byteLength(written) <= 1024)
  t.match(written, /…$/)
  words.clear()
  t.equal(fs.readFileSync(path, 'utf8'), '')
})

const REFUSED = { message: 'only a regular file can hold last words' }
for (const [name, make, want] of [
  ['a FIFO', path => void execFileSync('mkfifo', [path]), REFUSED],
  ['a folder', path => fs.mkdirSync(path), REFUSED],
  ['a device', path => fs.symlinkSync('/dev/null', path), REFUSED],
  ['no file', () => {}, { code: 'ENOENT' }],
] as const satisfies readonly (readonly [string, (path: string) => void, object])[])
  t.test(`refused: ${name}`, async t => {
    const path = newPath()
    make(path)
    const descriptors = (): number => fs.readdirSync('/proc/self/fd').length
    const before = descriptors()
    t.throws(() => open(path), want)
    t.equal(descriptors(), before, 'none is left open')
    if (name === 'no file') t.notOk(fs.existsSync(path), 'and none is made')
  })

t.test('refused: a socket', async t => {
  const path = newPath()
  const server = createServer()
  await new Promise<void>(done => void server.listen(path, done))
  t.throws(() => open(path), REFUSED)
  server.close()
})

t.test('a file that was taken away: words are missed, and there is nothing to clear', async t => {
  const path = newPath()
  fs.writeFileSync(path, '')
  const words = open(path)
  fs.unlinkSync(path)
  words.clear()
  t.throws(() => words.write('new'), { code: 'ENOENT' })
  t.notOk(fs.existsSync(path))
})

t.test('a file that has become another kind is not cleared', async t => {
  const path = newPath()
  fs.writeFileSync(path, '')
  const words = open(path)
  fs.unlinkSync(path)
  fs.mkdirSync(path)
  t.throws(() => words.clear(), REFUSED)
})
