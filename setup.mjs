// Installs what is missing, in the root and in app/, so that `npm start` and `npm test` work in a fresh clone; and in the
// folders that are named.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'

const changedAt = file => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

for (const folder of ['.', 'app', ...process.argv.slice(2)]) {
  // npm writes this file at the end of every install.
  const installedAt = changedAt(`${folder}/node_modules/.package-lock.json`)
  if (installedAt >= changedAt(`${folder}/package-lock.json`) && installedAt > 0) continue
  console.error(`setup: npm ci in ${folder}`)
  const npm = process.env.npm_execpath
  const [command, ...prefix] = npm === undefined ? ['npm'] : [process.execPath, npm]
  const args = [...prefix, 'ci', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) {
    console.error(`setup: npm ci in ${folder} failed${error ? `: ${error.message}` : ` with ${status}`}`)
    process.exit(1)
  }
}
