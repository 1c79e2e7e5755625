// What the built command line does where what it says cannot be written, and when it says it in colours.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, NODE } from '../preload/node.ts'
import { CLI } from './heapguard.ts'

/** By a shell, which redirects, with nothing of this environment but PATH. */
const shell = (line: string, ...more: readonly string[]) =>
  spawnSync('env', ['-i', `PATH=${process.env.PATH}`, ...more, 'bash', '--norc', '-c', line], { encoding: 'utf8' })
const HEAPGUARD = `"${NODE}" "${CLI}"`
const GUARDED = `${HEAPGUARD} doctor --node-options --max-old-space-size=384`
const FITS = 'CONTAINER_MEMORY_MB=4096'

const skip = existsSync('/dev/full') ? false : 'no /dev/full here'

for (const [name, line, want] of [
  [
    'the doctor’s stdout',
    `${GUARDED} > /dev/full`,
    { stdout: '', stderr: /^heapguard: stdout cannot be written: ENOSPC.*\n$/ },
  ],
  ['the help', `${HEAPGUARD} --help > /dev/full`, { stdout: '', stderr: /^heapguard: stdout .*\n$/ }],
  [
    'the doctor’s stderr',
    `${HEAPGUARD} doctor --pid 4000000000 2> /dev/full`,
    { stdout: /^heapguard: stderr cannot be written: ENOSPC.*\n$/ },
  ],
  ['both', `${GUARDED} > /dev/full 2>&1`, { stdout: '', stderr: '' }],
] as const)
  t.test(`a full disk, ${name}: 2, and one line on the other stream`, { skip }, async t =>
    t.match(shell(line, FITS), { status: 2, ...want }),
  )

t.test('a full disk that nothing is written to is not in the way', { skip }, async t =>
  t.equal(shell(`${GUARDED} 2> /dev/full`, FITS).status, 0),
)

t.test('a reader that closes the pipe is no failure', async t => {
  t.match(shell(`${GUARDED} | head -1; exit \${PIPESTATUS[0]}`, FITS), { status: 0, stderr: '' })
  t.match(shell(`${GUARDED} 2>&1 | true; exit \${PIPESTATUS[0]}`, 'CONTAINER_MEMORY_MB=64'), { status: 1, stderr: '' })
})

t.test('a file holds all of it', async t => {
  const file = join(emptyFolder(), 'out')
  t.equal(shell(`${HEAPGUARD} --help > ${file}`).status, 0)
  t.equal(readFileSync(file, 'utf8'), shell(`${HEAPGUARD} --help`).stdout)
})

for (const [variables, want] of [
  [[], false],
  [['FORCE_COLOR=1'], true],
  [['FORCE_COLOR=1', 'NO_COLOR=1'], true],
  [['FORCE_COLOR=0'], false],
  [['FORCE_COLOR=false'], false],
  [['FORCE_COLOR='], false],
  [['FORCE_COLOR=', 'NO_COLOR=1'], false],
] as const)
  t.test(`colours into a pipe with ${variables.join(' ') || 'neither variable'}: ${want}`, async t =>
    t.equal(shell(GUARDED, FITS, ...variables).stdout.includes('\x1b['), want),
  )
