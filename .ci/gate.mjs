// Runs each step, shows its output, and adds up what the tests counted.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Failures } from './failures.mjs'

// A machine may bring the means for real containers and for a real cgroup v2; where it does not, the tests use a docker
// that is there, or skip with the reason.
const SEED_IMAGES = '../shared/bin/seed-base-images'
const VM_RUNNER = '../shared/bin/run-in-cgroup2-vm'

/** What mostly waits: the containers ask it of Node 24, `npm test` of 20, and here it is asked of 26. */
const WAITING = 'autosize,drain,flight-record,heap-snapshot,pressure,watchdog'

/**
 * `beside` runs at the same time: the virtual machine has a clock of its own, and takes one CPU at most. `means`: where
 * the machine brings this, a step that mostly skips is no success.
 */
const STEPS = [
  { name: 'npm test', command: ['npm', 'test'] },
  { name: 'containers', command: ['npm', 'run', 'test:container'], means: SEED_IMAGES },
  {
    name: 'what the pages and recipes say',
    command: ['npm', 'run', 'test:docs'],
    beside: { name: 'cgroup v2 in a virtual machine', command: ['npm', 'run', 'test:vm'], means: VM_RUNNER },
  },
  { name: 'real software, what is quick of it', command: ['npm', 'run', 'test:software', '--', 'quick'] },
  { name: 'Node 26', command: ['npm', 'run', 'test:majors', '--', '26'] },
  { name: 'Node 22 and 24', command: ['npm', 'run', 'test:majors', '--', '22', '24', `--without=${WAITING}`] },
]

/** What some tests need beside Node and docker, by Debian's names; without it they skip with the reason. */
const TOOLS = [
  ['strace', 'strace'],
  ['chromium', 'chromium'],
  ['promtool', 'prometheus'],
  ['docker-compose', 'docker-compose'],
  ['python3', 'python3'],
  ['tini', 'tini'],
  ['dumb-init', 'dumb-init'],
]

const env = { ...process.env, TAP_REPORTER: 'tap' }
if (existsSync(VM_RUNNER)) env.HEAPGUARD_VM_RUNNER = VM_RUNNER

const total = { pass: 0, fail: 0, skip: 0 }
/** What this machine brings, and what began in good order. */
const has = new Set(existsSync(VM_RUNNER) ? [VM_RUNNER] : [])
/** How often each reason to skip was given. */
const reasons = new Map()

/** Runs a command and hands on its output; returns its status, the counts of tap's closing lines, and what failed. */
function run([command, ...args], show) {
  return new Promise(done => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const counts = { pass: 0, fail: 0, skip: 0 }
    const failures = new Failures()
    const see = line => {
      failures.see(line)
      const [, reason] = /^\s*ok \d+ .*# SKIP (.*?)(?: # time=.*)?$/.exec(line) ?? []
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      // tap closes with `# { total: 203, pass: 202, skip: 1 }`.
      if (line.startsWith('# { total:'))
        for (const key of Object.keys(counts)) counts[key] += Number(new RegExp(`${key}: (\\d+)`).exec(line)?.[1] ?? 0)
    }
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8').on('data', chunk => {
        show(chunk)
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) see(line)
      })
    }
    child.on('error', error => done({ status: error.message, counts, failures }))
    child.on('close', status => done({ status, counts, failures }))
  })
}

const isThere = command => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
const missing = TOOLS.filter(([command]) => !isThere(command)).map(([, name]) => name)
if (missing.length > 0 && process.getuid?.() === 0 && isThere('apt-get')) {
  const install = `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing.join(' ')}`
  const quietly = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync('sh', ['-c', install], { env: quietly, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) console.log(`gate: ${missing.join(', ')} could not be installed; the tests will say what they miss`)
}

if (existsSync(SEED_IMAGES)) {
  const { status } = spawnSync(SEED_IMAGES, [], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) has.add(SEED_IMAGES)
  else console.log(`gate: ${SEED_IMAGES} ended with ${status}; the container tests will say what they miss`)
}

const summary = []
const whatFailed = []
async function step({ name, command, means }, show) {
  const began = Date.now()
  show(`\n==== ${name}: ${command.join(' ')}\n`)
  const { status, counts, failures } = await run(command, show)
  // A step that failed before or beside its tests (lint, types, coverage, nothing run) is a failure too.
  if (status !== 0 && counts.fail === 0) counts.fail = 1
  if (status === 0 && counts.pass + counts.skip === 0) counts.fail = 1
  const isIdle = has.has(means) && counts.skip >= counts.pass
  if (isIdle) counts.fail += 1
  for (const key of Object.keys(total)) total[key] += counts[key]
  const seconds = Math.round((Date.now() - began) / 1000)
  if (counts.fail > 0) whatFailed.push(`==== failed in ${name} (status ${status})`, ...failures.lines())
  if (isIdle) whatFailed.push(`${counts.skip} of its tests skipped and ${counts.pass} passed, though there is ${means}`)
  summary.push(`${name}: ${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped in ${seconds} s`)
}

const showNow = text => process.stdout.write(text)
for (const { beside, ...main } of STEPS) {
  const kept = []
  const other = beside === undefined ? undefined : step(beside, text => kept.push(text))
  await step(main, showNow)
  await other
  for (const text of kept) showNow(text)
}

// Once more at the end: who reads the log of a red gate often has its last page alone.
if (whatFailed.length > 0) console.log(`\n${whatFailed.join('\n')}`)
for (const [reason, times] of reasons) summary.push(`skipped ${times}: ${reason}`)
console.log(`\n${summary.join('\n')}\n`)
console.log(`${total.pass} passed, ${total.fail} failed`)
process.exit(total.fail === 0 ? 0 : 1)
