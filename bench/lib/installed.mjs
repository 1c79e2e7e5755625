// What only the benchmark needs, installed by it, in .cache/bench, at fixed versions.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './variants.mjs'

const run = promisify(execFile)

/** The newest that run on every Node that the guard runs on. */
export const VERSIONS = {
  autocannon: '8.0.0',
  'prom-client': '15.1.3',
  '@opentelemetry/api': '1.9.0',
  '@opentelemetry/instrumentation': '0.211.0',
  '@opentelemetry/instrumentation-runtime-node': '0.24.0',
  '@opentelemetry/sdk-metrics': '2.12.1',
  'dd-trace': '5.132.0',
  pm2: '7.0.4',
}

const folderOf = name => resolve(ROOT, '.cache/bench', name.replace('/', '-'))

/** Installs packages into a folder of their own, once; returns it. Rejects with npm's words. */
export async function install(name, packages = [name]) {
  const folder = folderOf(name)
  const wanted = Object.fromEntries(packages.map(each => [each, VERSIONS[each]]))
  const stamp = resolve(folder, 'installed.json')
  const text = JSON.stringify(wanted)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === text) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(resolve(folder, 'package.json'), JSON.stringify({ private: true, dependencies: wanted }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, maxBuffer: 2 ** 24 })
  writeFileSync(stamp, text)
  return folder
}

/** The path of a tool's script; installs the tool where it is not there. */
export const toolPath = async (name, path) => resolve(await install(name), 'node_modules', path)
