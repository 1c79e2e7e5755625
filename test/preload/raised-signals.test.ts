// What a line of the guard's must not do where the app has made something of its own of a signal that a write can raise, or
// where the descriptor is a channel: each app is compared with the same under an empty preload.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EMPTY, emptyFolder, GUARD, NODE } from './node.ts'

t.jobs = 2

/** A setting of the watch, at its default, calls for the whole guard at once. */
const WHOLE = ['HEAPGUARD_INTERVAL_MS=50', 'HEAPGUARD_PROFILE=true']

/** By env -i and a shell that has not heard of the guard, whose descriptors are its own. */
function run(line: string, script: string, preload: string, variables: readonly string[]) {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'app.cjs'), script)
  const given = ['env', '-i', `PATH=${process.env.PATH}`, 'CONTAINER_MEMORY_MB=16384', ...variables]
  const shell = ['bash', '-c', line, 'bash', preload.slice(0, -1), NODE, join(folder, 'app.cjs')]
  const { status, signal, stdout } = spawnSync(given[0] as string, [...given.slice(1), ...shell], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
  })
  return { status, signal, stdout }
}

async function sameWith(t: Test, line: string, script: string, variables: readonly string[], stdout: string) {
  const bare = run(line, script, EMPTY, variables)
  t.match(bare, { status: 0, signal: null, stdout }, 'without the guard')
  t.strictSame(run(line, script, GUARD, variables), bare)
}

const NODE_LINE = 'NODE_OPTIONS="--max-old-space-size=384 --require $1s" "$2" "$3"'
const leaves = (signal: string): string =>
  `const f = () => {}; process.on('${signal}', f); process.off('${signal}', f)
  setTimeout(() => console.log('end'), 1400)`
const listens = (signal: string): string =>
  `process.on('${signal}', () => { console.log('raised'); process.exit(9) })
  setTimeout(() => { console.log('end'); process.exit() }, 1400)`

// A parent whose command line names the guard's file would pass for one under the guard: it adds the last letter itself.

/** A process whose standard error is a pair of sockets, the other of which is closed after 300 ms. */
const PARENT = `const { spawn } = require('child_process')
  const child = spawn(process.argv[2], [process.argv[3]], { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, NODE_OPTIONS: process.argv[4] + 's' } })
  setTimeout(() => child.stderr.destroy(), 300)
  child.on('exit', (code, signal) => process.exit(signal ? 99 : code))`
const parent = join(emptyFolder(), 'parent.cjs')
writeFileSync(parent, PARENT)

for (const [where, line, signal] of [
  ['a pipe whose reader goes', `${NODE_LINE} 2> >(exec sleep 0.3)`, 'SIGPIPE'],
  ['a socket whose reader goes', `"$2" ${parent} "$2" "$3" "--max-old-space-size=384 --require $1"`, 'SIGPIPE'],
  ['a file that may not grow', `ulimit -f 0; ${NODE_LINE} 2>err.txt`, 'SIGXFSZ'],
] as const)
  for (const [start, variables] of [
    ['a quiet start', []],
    ['a whole guard from the start, a line each 50 ms', WHOLE],
  ] as const) {
    t.test(`${where}, ${start}: ${signal} that the app no longer listens to`, t =>
      sameWith(t, line, leaves(signal), variables, 'end\n'),
    )
    t.test(`${where}, ${start}: ${signal} that the app listens to`, t =>
      sameWith(t, line, listens(signal), variables, 'end\n'),
    )
  }

for (const serialization of ['json', 'advanced'])
  for (const variables of [[], WHOLE])
    t.test(`descriptor 2 is an IPC channel (${serialization}) ${variables}`, async t => {
      const app = `process.send({ hello: 1 }); setTimeout(() => { process.send({ bye: 1 }); process.disconnect() }, 300)`
      const forks = `const { spawn } = require('child_process')
        const child = spawn(process.argv[2], ['-e', ${JSON.stringify(app)}],
          { stdio: ['ignore', 'inherit', 'ipc'], serialization: '${serialization}', env: { ...process.env, NODE_OPTIONS: process.argv[3] + 's' } })
        child.on('message', message => console.log(JSON.stringify(message)))`
      const line = '"$2" "$3" "$2" "--max-old-space-size=384 --require $1"'
      await sameWith(t, line, forks, variables, '{"hello":1}\n{"bye":1}\n')
    })

t.test('a file has its lines where nobody listens to what a write can raise', async t => {
  const folder = emptyFolder()
  const script = "setTimeout(() => console.log('end'), 300)"
  const { status } = run(`${NODE_LINE} 2>${folder}/err.txt`, script, GUARD, WHOLE)
  t.equal(status, 0)
  t.match(
    readFileSync(join(folder, 'err.txt'), 'utf8'),
    /"event":"heap-validated".*"event":"memory".*"event":"shutdown"/s,
  )
})
