// docker with its exit status, which for `docker run` is the command's own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs docker to its end. */
export async function spawnDocker(args: readonly string[]) {
  const child = spawn('docker', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
    })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...text }
}
