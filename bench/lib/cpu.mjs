// CPU and wall time of processes that have ended, from the kernel's accounting of finished children. Node has no such
// call, but bash's `time` reads it in milliseconds; a batch of processes in one reading brings that to a fifth.
import { spawn } from 'node:child_process'
import { environmentOf } from './variants.mjs'

const BATCH = 5
/** What one reading can tell apart, in ms a process: user and system are rounded to 1 ms each over a batch. */
export const RESOLUTION_MS = 1 / BATCH

export const quote = word => `'${word.replaceAll("'", "'\\''")}'`

/**
 * Runs a script by bash and returns its stderr. stderr of what it starts can be a real pipe there, as under a container
 * runtime (a pipe that Node makes for a child is a socket), and variables are set by bash itself, so that no process above has the
 * preload's name in /proc/<pid>/environ or cmdline: the guard would take it for a parent under the guard and look further.
 */
export async function inBash(script, env, cwd) {
  const bash = spawn('bash', [], { cwd, env, stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  bash.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  bash.stdin.end(script.join('\n'))
  await new Promise((done, failed) => bash.on('close', done).on('error', failed))
  return said
}

/**
 * Runs `node args` five times, one after the other, with a variant's environment; milliseconds a process. bash's fork
 * before each exec is counted, the same in all variants.
 */
export async function batch(node, args, variant, cwd) {
  const { PATH, HOME, ...own } = environmentOf(variant)
  const assignments = Object.entries(own).map(([name, value]) => `${name}=${quote(value)}`)
  const command = [...assignments, ...[node, ...args].map(quote)].join(' ')
  const script = [
    "TIMEFORMAT='time %3R %3U %3S'",
    'exec 4> >(cat >/dev/null)',
    `time for i in {1..${BATCH}}; do ${command} </dev/null >/dev/null 2>&4 || echo "exit $?" >&2; done`,
  ]
  const said = await inBash(script, { PATH, HOME }, cwd)
  const [, wall, user, system] = /^time (\S+) (\S+) (\S+)$/m.exec(said) ?? []
  if (system === undefined || said.includes('exit ')) throw new Error(`${variant.name}: ${said.trim()}`)
  return { cpuMs: ((Number(user) + Number(system)) * 1000) / BATCH, wallMs: (Number(wall) * 1000) / BATCH }
}
