// What sends requests: wrk, or autocannon.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { toolPath } from './installed.mjs'
import { find } from './process.mjs'

const run_ = promisify(execFile)

const WRK_REPORT = `done = function(summary, latency, requests)
  io.write(string.format('{"requests":%d,"requestsPerS":%f,"p99Us":%f,"errors":%d}\\n',
    summary.requests, summary.requests / summary.duration * 1e6, latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout))
end
`

/** wrk where it is installed (Debian: apt-get install wrk), else autocannon from the benchmark's own folder. */
export async function loadGenerator(node, prefix) {
  const wrk = await find('wrk')
  if (wrk !== undefined) {
    const script = resolve(tmpdir(), `heapguard-bench-${process.pid}.lua`)
    writeFileSync(script, WRK_REPORT)
    const load = async (url, seconds) => {
      const [command, ...args] = [...prefix, wrk, '-t1', '-c32', `-d${seconds}s`, '--latency', '-s', script, url]
      const { stdout } = await run_(command, args)
      return checked(JSON.parse(stdout.slice(stdout.lastIndexOf('{'))))
    }
    return { name: 'wrk', load }
  }
  const cli = await toolPath('autocannon', 'autocannon/autocannon.js')
  const load = async (url, seconds) => {
    const [command, ...args] = [...prefix, node, cli, '--json', '-c', '32', '-d', String(seconds), url]
    const { stdout } = await run_(command, args)
    const { requests, latency, errors, non2xx } = JSON.parse(stdout)
    return checked({
      requests: requests.total,
      requestsPerS: requests.average,
      p99Us: latency.p99 * 1000,
      errors: errors + non2xx,
    })
  }
  return { name: 'autocannon', load }
}

function checked(figure) {
  if (figure.errors > 0) throw new Error(`${figure.errors} requests failed`)
  return figure
}
