// A small virtual machine with a real cgroup v2, where the environment names a runner for it.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { emptyFolder, type LogRecord, NODE, recordsIn } from '../preload/node.ts'

const RUNNER = process.env.HEAPGUARD_VM_RUNNER

/** Why no machine can be had, or '' where one can. */
export const whyNoMachine = RUNNER === undefined ? 'HEAPGUARD_VM_RUNNER names no runner of a cgroup v2 machine' : ''

export interface MachineRun {
  /** memory.max of the process's own group, and of the one above it: a number with M, or max. */
  readonly memory: string
  readonly parentMemory?: string
  /** Shell lines run as root before the process, with $GROUP = the folder of its group. */
  readonly setup?: string
  readonly nodeOptions?: string
  readonly env?: Readonly<Record<string, string>>
  readonly script: string
}

export interface MachineResult {
  readonly records: readonly LogRecord[]
  /** All that came out, the group's memory.events and the exit line last. */
  readonly output: string
  /** The exit code that a shell sees: 137 for SIGKILL. */
  readonly exit: number
}

/** Runs a script under the built guard in the machine. Takes about 7 s. */
export function runInMachine(run: MachineRun): Promise<MachineResult> {
  const folder = emptyFolder()
  cpSync('dist', join(folder, 'heapguard'), { recursive: true })
  writeFileSync(join(folder, 'script.js'), run.script)
  const args = ['--memory', run.memory, '--node', NODE, '--dir', folder]
  if (run.parentMemory !== undefined) args.push('--parent-memory', run.parentMemory)
  if (run.setup !== undefined) {
    const setup = join(folder, 'setup')
    mkdirSync(setup)
    writeFileSync(join(setup, 'lines'), run.setup)
    args.push('--setup', join(setup, 'lines'))
  }
  const options = `${run.nodeOptions ?? ''} --require /work/heapguard/preload.js`.trim()
  const env = Object.entries({ NODE_OPTIONS: options, ...run.env }).map(([name, value]) => `${name}=${value}`)
  const command = ['--', 'env', ...env, 'node', 'script.js']
  return new Promise((done, fail) => {
    execFile(resolve(RUNNER ?? ''), [...args, ...command], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const exit = /^exit (\d+)$/m.exec(stdout)?.[1]
      if (exit === undefined) fail(new Error(`the machine gave no exit line: ${error?.message} ${stderr} ${stdout}`))
      else done({ records: recordsIn(stdout), output: stdout, exit: Number(exit) })
    })
  })
}

/** A script for the machine that imports from preload/, in one piece. */
export async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: resolve('.'), loader: 'js' },
    bundle: true,
    platform: 'node',
    target: 'es2019',
    format: 'cjs',
    write: false,
  })
  return outputFiles.map(({ text }) => text).join('')
}
