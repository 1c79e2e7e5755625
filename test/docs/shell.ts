// A shell in which the commands of the pages are run: as a reader would, but with names of this test's own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { docker } from '../container/docker.ts'
import { emptyFolder, NODE } from '../preload/node.ts'

/** Images that the pages make; here they have the process's number behind them, so that nobody's own is replaced. */
const PAGE_IMAGES = ['heapguard', 'heapguard-init', 'thumbnails', 'their-app']

export const own = (image: string): string => `heapguard-test:page-${image}-${process.pid}`

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** docker compose, or the older program of its own; undefined where there is neither. */
export const COMPOSE: readonly string[] | undefined = works('docker', 'compose', 'version')
  ? ['docker', 'compose']
  : works('docker-compose', 'version')
    ? ['docker-compose']
    : undefined

const folder = emptyFolder()
const program = (name: string, text: string): void => {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}`)
  chmodSync(join(folder, name), 0o755)
}
// npx heapguard, as if the package were installed.
program('npx', `[ "$1" = heapguard ] || exit 64\nshift\nexec ${NODE} ${resolve('dist/heapguard.js')} "$@"\n`)
const compose = readFileSync('deploy/compose.yaml', 'utf8')
writeFileSync(
  join(folder, 'compose.yaml'),
  compose.replace(/^( +image:) (.+)$/gm, (_, key, name) => `${key} ${own(name)}`),
)
// A build has the host's network, so that npm ci reaches its registry; a published port is a free one.
program(
  'docker',
  `before=
for word; do
  shift
  case "$before $word" in
    "--target "*) ;;
${PAGE_IMAGES.map(name => `    *" ${name}") word=${own(name)} ;;`).join('\n')}
    "-p 3000:3000") word=127.0.0.1::3000 ;;
    "-f deploy/compose.yaml") word=${join(folder, 'compose.yaml')} ;;
  esac
  set -- "$@" "$word"
  before=$word
done
real=$(PATH=$REAL_PATH command -v docker)
case $1 in
  build) shift; exec "$real" build --network=host --force-rm --quiet "$@" ;;
  compose) shift; exec ${COMPOSE?.join(' ').replace(/^docker /, '"$real" ') ?? 'false'} -p heapguard-test-${process.pid} "$@" ;;
esac
exec "$real" "$@"
`,
)

/** Removes the images that the pages made. */
export async function removeImages(): Promise<void> {
  for (const name of PAGE_IMAGES) await docker('rmi', '--no-prune', own(name)).catch(() => {})
}

export interface ShellEnd {
  readonly status: number | null
  readonly output: string
}

export interface Place {
  readonly cwd: string
  readonly variables?: Readonly<Record<string, string>>
  readonly patienceMs?: number
  /** Resolves when the process may be stopped by Ctrl+C, told by what it has written; absent: it ends by itself. */
  readonly isUp?: (output: string) => boolean
}

/** Runs commands in `sh -eu` with nothing of this process's environment but PATH and HOME. */
export function runCommands(commands: string, { cwd, variables = {}, patienceMs = 60_000, isUp }: Place) {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH: `${folder}:${PATH}`, REAL_PATH: PATH, HOME, ...variables }
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  // A group of its own: Ctrl+C on a terminal reaches every process of it. The shell lives on to tell the command's status.
  const script = isUp === undefined ? commands : `trap : INT\n${commands}`
  const child = spawn('env', ['-i', ...assignments, 'sh', '-eu', '-c', script], { cwd, detached: true })
  child.stdin.end()
  let output = ''
  let isStopped = false
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (isStopped || isUp?.(output) !== true) return
      isStopped = true
      kill(child, 'SIGINT')
    })
  const timer = setTimeout(() => kill(child, 'SIGKILL'), patienceMs)
  return new Promise<ShellEnd>(done =>
    child.on('close', status => {
      clearTimeout(timer)
      done({ status, output })
    }),
  )
}

function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal)
}
