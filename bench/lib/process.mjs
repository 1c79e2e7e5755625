// One process that is watched while it runs, and small questions to a Node.
import { execFile, spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { environmentOf } from './variants.mjs'

const run = promisify(execFile)

/**
 * bash makes stderr a real pipe, as a container runtime does, and becomes the command: what Node makes for a child is a socket.
 */
const ON_A_PIPE = 'exec "$0" "$@" 2> >(exec cat >&2)'

/** Starts `node args` as a variant; its stderr is read and thrown away, its stdout are JSON lines. `prefix`: what runs it. */
export function start(node, args, variant, prefix = []) {
  const env = { ...environmentOf(variant), ...variant.appEnv }
  const command = [...prefix, node, ...args]
  const child = spawn('bash', ['-c', ON_A_PIPE, ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = []
  const waiting = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr = (stderr + text).slice(-4000)
  })
  createInterface({ input: child.stdout }).on('line', line => {
    if (!line.startsWith('{')) return
    lines.push(JSON.parse(line))
    for (const check of [...waiting]) check()
  })
  const ended = new Promise(done => child.on('close', (code, signal) => done({ code, signal, stderr })))
  /** The first line that the app writes with this key. */
  const says = key =>
    new Promise((done, fail) => {
      const check = () => {
        const found = lines.find(line => key in line)
        if (found !== undefined) done(found)
      }
      waiting.push(check)
      check()
      ended.then(end => fail(new Error(`${variant.name} ended early: ${JSON.stringify(end)}`)))
    })
  return { child, lines, says, ended }
}

/** The value of an expression in that Node. */
export const evaluate = async (node, expression) => (await run(node, ['-p', expression])).stdout.trim()

/** V8's heap limit there, without a flag. */
export const heapLimitMB = async node =>
  Number(await evaluate(node, "require('v8').getHeapStatistics().heap_size_limit / 1048576"))

/** What runs a command on one CPU alone; nothing where that cannot be said, or there is but one. */
export async function onCpu(index) {
  const taskset = cpus().length > 1 ? await find('taskset') : undefined
  return taskset === undefined ? [] : [taskset, '--cpu-list', String(index)]
}

/** The path of a program, undefined where it is not installed. */
export async function find(program) {
  try {
    return (await run('sh', ['-c', `command -v ${program}`])).stdout.trim() || undefined
  } catch {
    // Not there.
    return undefined
  }
}
