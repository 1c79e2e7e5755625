// What the guard costs, beside nothing and beside its peers: `npm run bench`. Everything in turn (A B C A B C …) in one
// run, so that a machine that is busy is busy for all; medians and spread, and ratios of pairs. docs/performance.md says
// how to read it.
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { GUARD } from './lib/variants.mjs'
import { rowsUnderLoad } from './suites/load.mjs'

const SUITES = ['startup', 'memory', 'idle', 'load', 'throughput', 'counted', 'micro', 'peers']
const USAGE = `node bench/run.mjs [options]
  --only A,B        of ${SUITES.join(', ')}; all without it
  --nodes A,B       paths of node binaries; this one without it
  --runs N          rounds of each comparison (default 20; of what is counted a tenth of them)
  --seconds N       how long a process is watched, or served with requests (default: each suite's own)
  --warm-up N       how long each server has been loaded, beside the others, before requests are counted (default 4)
  --young-generation MB  for throughput: of this size from the start (default: V8's own, which grows)
  --match A,B       of the rows under load those with A or B in their name, and what they are compared with
  --quick           a look that takes minutes, not an hour: few rounds, short watches
  --json FILE       all figures
  --markdown FILE   the tables`

const options = readOptions()
if (!existsSync(GUARD)) fail(`${GUARD} is not there: node build.mjs`)
checkMatch()
checkFile('json')
checkFile('markdown')

const results = []
const tables = []
for (const node of options.nodes)
  for (const name of options.only) {
    const { run } = await import(`./suites/${name}.mjs`)
    const began = performance.now()
    const suite = await run({ ...options, node, say })
    const seconds = Math.round((performance.now() - began) / 1000)
    results.push({ suite: name, node: suite.nodeVersion, seconds, ...suite })
    tables.push(suite.markdown)
    console.log(`\n${suite.markdown}`)
    write()
  }

function checkMatch() {
  if (options.match === undefined || !options.only.includes('load')) return
  const names = rowsUnderLoad().map(({ name }) => name)
  for (const text of options.match.split(','))
    if (!names.some(name => name.includes(text))) fail(`no row under load has ${text} in its name: ${names.join('; ')}`)
}

// Before the first suite, which may take an hour. Appending nothing leaves the figures of an earlier run alone.
function checkFile(name) {
  if (options[name] === undefined) return
  try {
    closeSync(openSync(options[name], 'a'))
  } catch (error) {
    fail(`--${name} cannot be written: ${error.message}`)
  }
}

// After each suite: a long run that is broken off leaves what it has.
function write() {
  if (options.markdown !== undefined) writeFileSync(options.markdown, `${machine().text}\n\n${tables.join('\n')}`)
  if (options.json === undefined) return
  const report = { at: new Date().toISOString(), machine: machine(), options, results }
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
}

function machine() {
  const [{ model } = { model: 'unknown' }] = cpus()
  const memoryMB = Math.round(totalmem() / 1_048_576)
  return {
    cpus: cpus().length,
    model,
    memoryMB,
    text: `${cpus().length} × ${model}, ${memoryMB} MB, ${process.platform}.`,
  }
}

function readOptions() {
  const { values } = readArguments()
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const only = values.only?.split(',') ?? SUITES
  for (const name of only) if (!SUITES.includes(name)) fail(`no suite is called ${name}\n${USAGE}`)
  const nodes = (values.nodes?.split(',') ?? [process.execPath]).map(path => resolve(path))
  for (const node of nodes) if (!existsSync(node)) fail(`${node} is not there`)
  const quick = values.quick ?? false
  return {
    only,
    nodes,
    quick,
    runs: whole('runs', values.runs) ?? (quick ? 5 : 20),
    seconds: whole('seconds', values.seconds),
    warmUpSeconds: whole('warm-up', values['warm-up']) ?? (quick ? 1 : 4),
    youngGenerationMB: whole('young-generation', values['young-generation']),
    match: values.match,
    json: values.json,
    markdown: values.markdown,
  }
}

function readArguments() {
  const text = { type: 'string' }
  const flag = { type: 'boolean' }
  try {
    return parseArgs({
      options: {
        only: text,
        nodes: text,
        runs: text,
        seconds: text,
        'warm-up': text,
        'young-generation': text,
        match: text,
        json: text,
        markdown: text,
        quick: flag,
        help: flag,
      },
    })
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`)
  }
}

function whole(name, value) {
  if (value === undefined) return undefined
  const number = Number(value)
  return Number.isInteger(number) && number > 0 ? number : fail(`--${name} takes a whole number from 1 up`)
}

function say(text) {
  console.error(`bench: ${text}`)
}

function fail(message) {
  console.error(`bench: ${message}`)
  process.exit(2)
}
