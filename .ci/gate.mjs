// Runs each step, shows its output, and adds up what the tests counted.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

// A machine may bring the means for real containers and for a real cgroup v2; where it does not, the tests use a docker
// that is there, or skip with the reason.
const SEED_IMAGES = '../shared/bin/seed-base-images'
const VM_RUNNER = '../shared/bin/run-in-cgroup2-vm'

/** What the containers, whose major is 24, ask too; a new test file is run here. */
const IN_CONTAINERS = 'autosize,drain,flight-record,heap-snapshot,pressure,watchdog'

const STEPS = [
  ['npm test', ['npm', 'test']],
  ['containers', ['npm', 'run', 'test:container']],
  ['what the pages and recipes say', ['npm', 'run', 'test:docs']],
  ['cgroup v2 in a virtual machine', ['npm', 'run', 'test:vm']],
  ['real software, what is quick of it', ['npm', 'run', 'test:software', '--', 'quick']],
  ['Node 22 and 26', ['npm', 'run', 'test:majors', '--', '22', '26']],
  ['Node 24', ['npm', 'run', 'test:majors', '--', '24', `--without=${IN_CONTAINERS}`]],
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

/** Runs a command with its output shown; returns its status and the counts of tap's closing lines in it. */
function run([command, ...args]) {
  return new Promise(done => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const counts = { pass: 0, fail: 0, skip: 0 }
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', chunk => {
      process.stdout.write(chunk)
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      // tap closes with `# { total: 203, pass: 202, skip: 1 }`.
      for (const line of lines)
        if (line.startsWith('# { total:'))
          for (const key of Object.keys(counts))
            counts[key] += Number(new RegExp(`${key}: (\\d+)`).exec(line)?.[1] ?? 0)
    })
    child.on('error', error => done({ status: error.message, counts }))
    child.on('close', status => done({ status, counts }))
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
  if (status !== 0)
    console.log(`gate: ${SEED_IMAGES} ended with ${status}; the container tests will say what they miss`)
}

const summary = []
for (const [name, command] of STEPS) {
  const began = Date.now()
  console.log(`\n==== ${name}: ${command.join(' ')}`)
  const { status, counts } = await run(command)
  // A step that failed before or beside its tests (lint, types, coverage, nothing run) is a failure too.
  if (status !== 0 && counts.fail === 0) counts.fail = 1
  if (status === 0 && counts.pass + counts.skip === 0) counts.fail = 1
  for (const key of Object.keys(total)) total[key] += counts[key]
  const seconds = Math.round((Date.now() - began) / 1000)
  summary.push(`${name}: ${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped in ${seconds} s`)
}

console.log(`\n${summary.join('\n')}\n`)
console.log(`${total.pass} passed, ${total.fail} failed`)
process.exit(total.fail === 0 ? 0 : 1)
