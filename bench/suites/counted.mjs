// What the guard costs an app that serves, in instructions of its main thread: on a shared machine they vary far less than time.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { readCounts, slowLoads } from '../lib/callgrind.mjs'
import { evaluate, find, heapLimitMB, start } from '../lib/process.mjs'
import { median, pairedRatio, spread } from '../lib/stats.mjs'
import { fixed, ratioText, spreadText, table } from '../lib/table.mjs'
import { BENCH, EMPTY, EMPTY_AGAIN, fitting, guard, youngGeneration } from '../lib/variants.mjs'

const run_ = promisify(execFile)

/** By then V8 has compiled what is hot, and again what it had to give up when connections ended for the first time. */
const WARM_UP_BATCHES = 4
const BATCH_REQUESTS = 10_000
const CONNECTIONS = 8
const IDLE_SECONDS = 10
/** As large as V8 ever makes it. */
const LARGE_YOUNG_GENERATION = youngGeneration(16)

export async function run({ node, runs: asked, quick, say }) {
  // A server takes a minute and a half, and counts differ by a per cent or two at most.
  const runs = Math.ceil(asked / 10)
  const nodeVersion = await evaluate(node, 'process.version')
  const heading = `Instructions a request, Node ${nodeVersion}`
  const valgrind = await find('valgrind')
  if (valgrind === undefined) return { nodeVersion, markdown: table(heading, ['valgrind is not installed'], []) }
  const variants = [EMPTY, EMPTY_AGAIN, guard('heapguard, defaults', fitting(await heapLimitMB(node)))]
  const batches = quick ? 2 : 5
  say(`${nodeVersion} under load, counted by callgrind: ${runs} × ${batches * BATCH_REQUESTS} requests`)
  const rounds = []
  for (let round = 0; round < runs; round++) {
    const servers = []
    for (const variant of variants) servers.push(await countedRequests({ node, valgrind, variant, batches }))
    rounds.push(servers)
    say(
      `  round ${round + 1} of ${runs}: ${servers.map(({ aRequest }) => aRequest.map(Math.round).join(' ')).join(' | ')}`,
    )
  }
  const of = index => rounds.map(servers => median(servers[index].aRequest))
  const rows = variants.map(({ name }, index) => ({
    name,
    aRequest: spread(of(index)),
    ratio: pairedRatio(of(index), of(0)),
    anIdleSecond: spread(rounds.map(servers => servers[index].anIdleSecond)),
    slowLoads: median(rounds.map(servers => servers[index].slowLoads)),
  }))
  const markdown = table(
    heading,
    ['preload', 'a request', 'to empty', 'an idle second', 'slow loads a request'],
    rows.map(({ name, aRequest, ratio, anIdleSecond, slowLoads: loads }) => [
      name,
      spreadText(aRequest, 0),
      ratioText(ratio),
      spreadText(anIdleSecond, 0),
      fixed(loads),
    ]),
    [
      `Of the main thread, by callgrind: ${runs} rounds of a new server of each kind, median of ${batches} times ${BATCH_REQUESTS} requests over ${CONNECTIONS} new connections, after ${WARM_UP_BATCHES} times as many; ${LARGE_YOUNG_GENERATION.join(' ')}. What the same server takes in as many seconds without a request is taken off: a request takes some 50 times as long under callgrind, and the guard looks once a second. A slow load is a property that V8's builtins look up, since the code has seen objects of too many shapes: not taken off, and the same in each batch.`,
    ],
  )
  return { nodeVersion, runs, rounds, rows, markdown }
}

/** Of one server's main thread: instructions a request, batch by batch, and in a second without any; slow loads a request. */
async function countedRequests({ node, valgrind, variant, batches }) {
  const folder = mkdtempSync(join(tmpdir(), 'heapguard-bench-'))
  const out = join(folder, 'counts')
  const tool = ['--tool=callgrind', '--separate-threads=yes', '--smc-check=all-non-file', '--log-file=/dev/null']
  const prefix = [valgrind, ...tool, `--callgrind-out-file=${out}`]
  const app = start(node, [...LARGE_YOUNG_GENERATION, resolve(BENCH, 'apps/http.cjs')], variant, prefix)
  let dumps = 0
  /** What was counted since the call before. */
  const sinceLast = async () => {
    await run_('callgrind_control', ['--dump', String(app.child.pid)])
    return readCounts(readFileSync(`${out}.${++dumps}-01`, 'utf8'))
  }
  const counted = async act => {
    await sinceLast()
    const began = performance.now()
    await act()
    return { ...(await sinceLast()), seconds: (performance.now() - began) / 1000 }
  }
  try {
    const { port } = await app.says('port')
    for (let batch = 0; batch < WARM_UP_BATCHES; batch++) await request(port, BATCH_REQUESTS)
    const loaded = []
    for (let batch = 0; batch < batches; batch++) loaded.push(await counted(() => request(port, BATCH_REQUESTS)))
    const idle = await counted(() => setTimeout(IDLE_SECONDS * 1000))
    const anIdleSecond = idle.instructions / idle.seconds
    const aRequest = loaded.map(({ instructions, seconds }) => (instructions - seconds * anIdleSecond) / BATCH_REQUESTS)
    const loads = loaded.map(({ calls }) => slowLoads(calls) / BATCH_REQUESTS)
    return { aRequest, anIdleSecond, slowLoads: median(loads) }
  } finally {
    app.child.kill('SIGKILL')
    await app.ended
    rmSync(folder, { recursive: true, force: true })
  }
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'

/** So many requests, one after the other on each connection. Rejects where a connection ends before. */
function request(port, total) {
  let left = total
  let open = CONNECTIONS
  return new Promise((done, fail) => {
    for (let at = 0; at < CONNECTIONS; at++) {
      const socket = connect(port, '127.0.0.1')
      let rest = ''
      const next = () => {
        if (left-- > 0) return socket.write(REQUEST)
        socket.destroy()
        if (--open === 0) done()
      }
      socket.on('connect', next).on('error', fail)
      socket.on('end', () => fail(new Error('the server ended a connection')))
      socket.setEncoding('latin1').on('data', text => {
        rest += text
        const end = rest.indexOf('hello\n')
        if (end < 0) return
        rest = rest.slice(end + 'hello\n'.length)
        next()
      })
    }
  })
}
