// Servers that live side by side.
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { start } from './process.mjs'
import { BENCH } from './variants.mjs'

/** Starts one server for each variant, with its `flags` of node's, in `order` (of indices), and waits until all listen. `prefix`: what runs each. */
export async function startServers(node, variants, order, prefix) {
  const apps = []
  const stop = async () => {
    for (const app of apps) app?.child.kill('SIGKILL')
    await Promise.all(apps.map(app => app?.ended))
  }
  try {
    for (const index of order) {
      const { flags = [] } = variants[index]
      apps[index] = start(node, [...flags, resolve(BENCH, 'apps/http.cjs')], variants[index], prefix)
    }
    const urls = []
    for (const app of apps) urls.push(`http://127.0.0.1:${(await app.says('port')).port}/`)
    return { urls, pids: apps.map(({ child }) => child.pid), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Loads all at once, on the one CPU that they share, so that each gets `secondsEach` of it, however many there are. */
export const loadAtOnce = (generator, urls, secondsEach) =>
  Promise.all(urls.map(url => generator.load(url, secondsEach * urls.length)))

/**
 * CPU that all threads of a process have had, in seconds, from the kernel's accounting; none of a server's threads ends
 * before it does. NaN where the kernel does not count it so.
 */
export function cpuSeconds(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const ns = threads.map(id => Number.parseInt(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8'), 10))
    return ns.reduce((sum, each) => sum + each, 0) / 1e9
  } catch {
    return Number.NaN
  }
}
