// What silently disables the guard, each in the facts that show it, and none in facts that do not.
import { createColors } from 'picocolors'
import t from 'tap'
import type { Answer } from '../../cli/doctor/ask-node.ts'
import { bars } from '../../cli/doctor/bars.ts'
import { parseCommandLine, parseNodeProcess } from '../../cli/doctor/command-line.ts'
import { diagnose } from '../../cli/doctor/diagnosis.ts'
import type { Facts } from '../../cli/doctor/facts.ts'
import { findingsIn } from '../../cli/doctor/findings.ts'
import { doctorJson } from '../../cli/doctor/json.ts'
import type { Subject } from '../../cli/doctor/subject.ts'
import { doctorTable } from '../../cli/doctor/table.ts'
import type { ContainerLimit } from '../../preload/core/cgroup.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { mbToBytes } from '../../preload/core/units.ts'

Object.assign(globalThis, { HEAPGUARD_VERSION: '0.0.0' })

const GUARD = '/opt/heapguard/preload.js'
const group = { version: 'cgroup-v2', folder: '/sys/fs/cgroup' } as const
const limited = (mb: number): ContainerLimit => ({
  kind: 'limited',
  limitBytes: mbToBytes(mb),
  source: 'cgroup-v2',
  path: '/sys/fs/cgroup/memory.max',
  confidence: 'high',
  group,
})
const unlimited: ContainerLimit = { kind: 'unlimited', reason: 'no limit in /sys/fs/cgroup/memory.max' }
const told = (mb: number): Facts['answer'] => ({
  kind: 'told',
  heapLimitBytes: mbToBytes(mb),
  constrained: mbToBytes(512),
  nodeVersion: 'v24.21.0',
  hasExecve: true,
})

interface Case {
  readonly facts?: Partial<Facts>
  readonly subject?: Partial<Subject>
  readonly command?: string
  readonly variables?: Readonly<Record<string, string>>
}

function factsOf({ facts = {}, subject = {}, command = 'node server.js', variables = {} }: Case): Facts {
  const { settings, problems } = readSettings(name => variables[name])
  return {
    subject: {
      kind: 'command',
      title: command,
      commandLine: parseCommandLine(command.split(' ')),
      program: 'node',
      variables,
      nodeOptions: `--max-old-space-size=384 --require ${GUARD}`,
      readText: () => undefined,
      sharesGroup: true,
      ...subject,
    },
    answer: told(387),
    kernelLimit: limited(512),
    machineBytes: mbToBytes(16_384),
    usage: undefined,
    settings,
    problems,
    autosizePercent: undefined,
    strangers: [],
    preloads: [{ named: GUARD, isGuard: true, isThere: true }],
    meant: undefined,
    guard: GUARD,
    first: undefined,
    inKubernetes: false,
    neighbours: [],
    written: [],
    ...facts,
  }
}

const NODE_OPTIONS_HERE = `--max-old-space-size=384 --require ${GUARD}`

const first = (command: string, nodeOptions?: string, variables = {}): Partial<Facts> => ({
  first: { commandLine: parseCommandLine(command.split(' ')), nodeOptions, variables },
})

const shellLine = (shell: string, line: string): Partial<Subject> => ({
  commandLine: parseCommandLine([shell, '-c', line]),
})

/** Node processes, children of the first. */
const nodes = (...pids: readonly number[]): Facts['neighbours'] =>
  pids.map(pid => ({
    pid,
    commandLine: 'node\0x.js\0',
    nodeOptions: '--max-old-space-size=384',
    stat: `${pid} (node) S ${pid === 1 ? 0 : 1} ${'1 '.repeat(20)}`,
  }))

const CASES: readonly (readonly [name: string, facts: Case, findings: readonly string[]])[] = [
  ['nothing is wrong', {}, []],
  [
    'a flag that Node refuses',
    { facts: { answer: { kind: 'refused', reason: '--foo is not allowed' } } },
    ['refused-flag'],
  ],
  [
    'a preload that is not there',
    { facts: { preloads: [{ named: GUARD, isGuard: true, isThere: false }] } },
    ['missing-preload'],
  ],
  [
    'words in single quotes',
    { subject: { nodeOptions: `'--max-old-space-size=4' --require ${GUARD}` } },
    ['ignored-words'],
  ],
  ['a single quote after an option', { subject: { nodeOptions: "--title '--expose-gc'" } }, ['ignored-words']],
  ['the guard is not in NODE_OPTIONS', { facts: { preloads: [] } }, ['guard-not-loaded']],
  ['PID 1 has the guard', { facts: first('node x.js', `--require ${GUARD}`) }, []],
  [
    'PID 1 has lost the guard',
    { facts: first('node x.js', '--max-old-space-size=384') },
    ['first-process-without-guard'],
  ],
  [
    'PID 1 has another heap',
    {
      subject: { kind: 'here', variables: { NODE_OPTIONS: NODE_OPTIONS_HERE } },
      facts: first('node --max-old-space-size=2048 x.js', NODE_OPTIONS_HERE),
    },
    ['first-process-differs'],
  ],
  [
    'PID 1 has the same once more, which changes nothing',
    {
      subject: { kind: 'here', variables: { NODE_OPTIONS: NODE_OPTIONS_HERE } },
      facts: first('node --max-old-space-size=384 x.js', NODE_OPTIONS_HERE),
    },
    [],
  ],
  [
    'PID 1 has other settings',
    {
      subject: { kind: 'here', variables: { NODE_OPTIONS: NODE_OPTIONS_HERE } },
      facts: first('node x.js', NODE_OPTIONS_HERE, { HEAPGUARD_ENABLED: 'false' }),
    },
    ['first-process-differs'],
  ],
  [
    'PID 1 is the same',
    {
      subject: { kind: 'here', variables: { NODE_OPTIONS: NODE_OPTIONS_HERE, HEAPGUARD_DIR: '' } },
      facts: first('node x.js', NODE_OPTIONS_HERE),
    },
    [],
  ],
  [
    'PID 1 has another heap, but a command is judged',
    { facts: first('node --max-old-space-size=2048 x.js', NODE_OPTIONS_HERE) },
    [],
  ],
  [
    'PID 1 has another heap, but a NODE_OPTIONS that was handed over is judged',
    {
      subject: { kind: 'here', variables: { NODE_OPTIONS: '' } },
      facts: first('node --max-old-space-size=2048 x.js', NODE_OPTIONS_HERE),
    },
    [],
  ],
  ['PID 1 is no node', { facts: first('nginx', '') }, []],
  ['PID 1 is npm', { facts: first('npm start', '') }, ['launcher-in-front']],
  ['PID 1 is a shell', { facts: first('/bin/sh -c x', '') }, ['launcher-in-front']],
  ['the command is npm', { command: 'npm start' }, ['launcher-in-front']],
  ['PID 1 is an init with a shell behind it', { facts: first('docker-init -- sh -c x', '') }, ['launcher-in-front']],
  ['PID 1 is an init with node behind it', { facts: first('tini -- node x.js', `--require ${GUARD}`) }, []],
  ['the command is no node', { command: 'tsx server.js' }, ['command-not-node']],
  ['the command is a script', { command: 'sh start.sh' }, ['command-not-node', 'launcher-in-front']],
  ['a program that is known hands on to node', { command: 'gosu node node x.js' }, []],
  [
    'a shell’s line that may leave the shell in front',
    { subject: shellLine('sh', 'node x.js') },
    ['launcher-in-front'],
  ],
  ['a shell’s line that execs', { subject: shellLine('sh', 'exec node x.js') }, []],
  ['a line of bash’s, which execs by itself', { subject: shellLine('bash', 'node x.js') }, []],
  [
    'a shell’s line that is not understood',
    { subject: shellLine('bash', 'cd x && node x.js') },
    ['command-not-node', 'launcher-in-front'],
  ],
  ['a process behind an init', { subject: { kind: 'process', behind: ['docker-init'] } }, []],
  ['a process behind a shell', { subject: { kind: 'process', behind: ['tini', 'sh'] } }, ['launcher-in-front']],
  ['off', { variables: { HEAPGUARD_ENABLED: 'off' } }, ['switched-off']],
  ['a snapshot is built', { command: 'node --build-snapshot x.js' }, ['guard-stays-away']],
  [
    'an old Node',
    { facts: { answer: { ...told(387), nodeVersion: 'v18.20.0' } as Facts['answer'] } },
    ['guard-stays-away'],
  ],
  ['a heap flag on the command line', { command: 'node --max-old-space-size=4 x.js' }, ['heap-flag-on-command-line']],
  ['no limit outside of Kubernetes', { facts: { kernelLimit: unlimited } }, []],
  ['no limit in a pod', { facts: { kernelLimit: unlimited, inKubernetes: true } }, ['no-limit-in-pod']],
  ['a limit in a pod', { facts: { inKubernetes: true } }, []],
  ['the operator says more than the kernel', { variables: { CONTAINER_MEMORY_MB: '513' } }, ['kernel-limit-is-lower']],
  ['the operator says the same', { variables: { CONTAINER_MEMORY_MB: '512' } }, []],
  [
    'a limit that may not be the tightest',
    { facts: { kernelLimit: { ...limited(512), confidence: 'low', reason: 'x: EACCES' } as ContainerLimit } },
    ['limit-not-certain'],
  ],
  [
    'two bad settings',
    { variables: { HEAPGUARD_SIGNALS: 'maybe', HEAPGUARD_WARN_PERCENT: '0.85' } },
    ['bad-setting', 'bad-setting'],
  ],
  ['silent', { variables: { HEAPGUARD_LOG_LEVEL: 'Silent' } }, ['silent']],
  ['warnings alone are no silence', { variables: { HEAPGUARD_LOG_LEVEL: 'warn' } }, []],
  ['it never looks', { variables: { HEAPGUARD_PULSE_MS: '0', HEAPGUARD_INTERVAL_MS: '0' } }, ['never-looks']],
  ['it looks at each line', { variables: { HEAPGUARD_PULSE_MS: '0' } }, []],
  ['settings in a file', { command: 'node --env-file=.env x.js' }, ['env-file']],
  ['settings in a file that may be missing', { command: 'node --env-file-if-exists .env x.js' }, ['env-file']],
  ['heaps that add up to more', { subject: { kind: 'process' }, facts: { neighbours: nodes(1, 7) } }, ['heap-sum']],
  ['one heap', { subject: { kind: 'process' }, facts: { neighbours: nodes(1) } }, []],
  ['a command is none of them', { facts: { neighbours: nodes(1, 7) } }, []],
  [
    'two heaps that fit',
    { subject: { kind: 'process' }, facts: { neighbours: nodes(1, 7), kernelLimit: limited(900) } },
    [],
  ],
  ['a setting that does not exist', { facts: { strangers: ['HEAPGUARD_ENABLE'] } }, ['unknown-setting']],
  [
    'nothing that it should write to can be written',
    {
      facts: {
        written: [
          { variable: 'HEAPGUARD_TERMINATION_LOG', path: '/dev/termination-log', trouble: 'EACCES' },
          { variable: 'HEAPGUARD_DIR', path: '/evidence', trouble: 'ENOENT' },
          { variable: 'HEAPGUARD_LOG_FILE', path: '/logs/x', trouble: 'EROFS' },
        ],
      },
    },
    ['log-file-not-writable', 'evidence-folder-not-writable', 'termination-log-not-writable'],
  ],
  [
    'all that it should write to can be written',
    {
      facts: {
        written: [
          { variable: 'HEAPGUARD_TERMINATION_LOG', path: '/dev/termination-log' },
          { variable: 'HEAPGUARD_DIR', path: '/evidence' },
          { variable: 'HEAPGUARD_LOG_FILE', path: '/logs/x' },
        ],
      },
    },
    [],
  ],
]

for (const [name, facts, want] of CASES)
  t.test(name, async t => {
    const found = findingsIn(factsOf(facts))
    t.strictSame(
      found.map(finding => finding.name),
      want,
    )
    for (const { remedy } of found) t.match(remedy, /\.$/)
  })

for (const [name, facts, want] of [
  ['PID 1 is a shell: it does stand there', { facts: first('/bin/sh -c x', '') }, /^PID 1 is sh, which does not hand/],
  [
    'an init is PID 1, and of the shell behind it nothing is certain',
    { facts: first('/sbin/docker-init -- /bin/sh -c x', '') },
    /^PID 1 is docker-init; sh behind it may stay in front of the app/,
  ],
  ['PID 1 is npm', { facts: first('npm start', '') }, /^PID 1 is npm, which is a node process of its own/],
  ['npm behind an init', { facts: first('tini -- npm start', '') }, /^PID 1 is tini; npm behind it is a node process/],
  ['the command is npm', { command: 'npm start' }, /^npm is a node process of its own/],
  ['a shell’s line', { subject: shellLine('sh', 'node x.js') }, /^sh may stay in front/],
  ['a process behind a shell', { subject: { kind: 'process', behind: ['sh'] } }, /^sh does not hand SIGTERM on/],
] as const)
  t.test(`who stands in front: ${name}`, async t => {
    const found = findingsIn(factsOf(facts as Case)).filter(({ name }) => name === 'launcher-in-front')
    t.match(found, [{ msg: want }])
    t.equal(found.length, 1)
  })

const noAnswer = () => ({ kind: 'failed', reason: 'not asked' }) as const

for (const [name, facts, strict, status, verdict] of [
  ['fits', {}, false, 0, 'fits'],
  ['fits, but something was found, and that is to count', { facts: { strangers: ['HEAPGUARD_X'] } }, true, 1, 'fits'],
  ['fits, and something was found', { facts: { strangers: ['HEAPGUARD_X'] } }, false, 0, 'fits'],
  ['does not fit', { facts: { kernelLimit: limited(256) } }, false, 1, 'exceeds'],
  ['tight', { facts: { answer: told(200), kernelLimit: limited(250) } }, false, 1, 'tight'],
  [
    'low is no fault',
    { facts: { answer: told(259), kernelLimit: limited(1024), preloads: [] }, subject: { nodeOptions: undefined } },
    false,
    0,
    'low',
  ],
  ['no limit is known', { facts: { kernelLimit: unlimited } }, false, 2, 'not-known'],
  [
    'no limit is known, and findings do not make it so',
    { facts: { kernelLimit: unlimited, strangers: ['X'] } },
    true,
    2,
    'not-known',
  ],
  ['the command is not node itself', { command: 'tsx server.js' }, false, 2, 'not-known'],
  ['the command is not node itself, and strict', { command: 'tsx server.js' }, true, 2, 'not-known'],
  ['the flags stand in a script', { command: 'npm start' }, false, 2, 'not-known'],
  [
    'the flags stand in a script, and those of NODE_OPTIONS do not fit already',
    { command: 'npm start', facts: { kernelLimit: limited(256) } },
    false,
    1,
    'exceeds',
  ],
  ['what would be started here has no flags', { command: '', subject: { kind: 'here' } }, false, 0, 'fits'],
  [
    'a title covers the flags',
    { subject: { kind: 'process', commandLine: parseNodeProcess(['an app']) } },
    false,
    2,
    'not-known',
  ],
  ['node could not be asked', { facts: { answer: noAnswer() } }, false, 2, 'not-known'],
  ['node would not start', { facts: { answer: { kind: 'refused', reason: 'x' } } }, false, 1, 'not-known'],
] as const)
  t.test(`exit status ${status}: ${name}`, async t => {
    const gathered = factsOf(facts as Case)
    const diagnosis = diagnose(gathered, strict, noAnswer)
    t.equal(diagnosis.status, status)
    t.match(doctorJson(gathered, diagnosis), { status, verdict })
  })

t.test('where flags may hide, what is known is shown all the same', async t => {
  const gathered = factsOf({ command: 'tsx server.js' })
  const diagnosis = diagnose(gathered, false, noAnswer)
  const table = doctorTable(gathered, diagnosis, createColors(false), 100)
  t.match(table, /V8's heap limit +387/)
  t.match(
    table,
    /COULD NOT TELL\nHeap flags that are not seen here would win over NODE_OPTIONS\. Without any: V8's heap/,
  )
  t.match(table, /! command-not-node: tsx is not node itself/)
  t.match(doctorJson(gathered, diagnosis), { heapLimitMB: 387, containerMemoryMB: 512 })
})

t.test('the remedy is tried without the command line’s heap flags, which would win over it', async t => {
  const facts = factsOf({ command: 'node --max-old-space-size=4000 x.js', facts: { answer: told(4003) } })
  let asked: Subject | undefined
  const { nodeOptions, tried } = diagnose(facts, false, subject => {
    asked = subject
    return told(387)
  })
  t.equal(nodeOptions, `--max-old-space-size=384 --require ${GUARD}`)
  t.strictSame(asked?.commandLine.options, [])
  t.match(tried, { verdict: { kind: 'fits' } })
})

const COMMAND_LINE = '--on-the-command-line'
/** A node that refuses these flags, and else takes what its old space is given. */
const nodeWithout =
  (...refused: readonly string[]) =>
  (_: Subject, nodeOptions: string): Answer => {
    const words = `${nodeOptions} ${COMMAND_LINE}`.split(' ')
    const bad = refused.find(flag => words.some(word => word.split('=')[0] === flag))
    const heapMB = Number(/--max-old-space-size=(\d+)/.exec(nodeOptions)?.[1] ?? 256)
    return bad === undefined ? told(heapMB + 3) : { kind: 'refused', reason: `${bad}= is not allowed in NODE_OPTIONS` }
  }
const refusal: Answer = { kind: 'refused', reason: 'a flag' }
const lost = (named: string) => ({ named, isGuard: named === GUARD, isThere: false })

for (const [name, nodeOptions, facts, refused, want] of [
  ['one flag less', `--foo=1 --require ${GUARD}`, { answer: refusal }, ['--foo'], `--require ${GUARD}`],
  [
    'two flags less, and the rest is kept',
    `--foo --enable-source-maps --bar=2 --require ${GUARD}`,
    { answer: refusal },
    ['--foo', '--bar'],
    `--enable-source-maps --require ${GUARD}`,
  ],
  [
    'and a heap that fits then',
    `--foo --max-old-space-size=480 --require ${GUARD}`,
    { answer: refusal },
    ['--foo'],
    `--max-old-space-size=384 --require ${GUARD}`,
  ],
  ['what is refused stands on the command line', `--require ${GUARD}`, { answer: refusal }, [COMMAND_LINE], undefined],
  [
    'the guard where it is',
    '--max-old-space-size=384 --require /opt/typo/preload.js',
    { preloads: [lost('/opt/typo/preload.js')] },
    [],
    `--max-old-space-size=384 --require ${GUARD}`,
  ],
  [
    "a preload of the app's is not ours to take out",
    '--require /srv/x.js',
    { preloads: [lost('/srv/x.js')] },
    [],
    undefined,
  ],
  [
    'nobody knows where the guard is',
    '--require /opt/typo/preload.js',
    { preloads: [lost('/opt/typo/preload.js')], guard: undefined },
    [],
    undefined,
  ],
  [
    'six flags are too many',
    '--a --b --c --d --e --f --g',
    { answer: refusal },
    ['--a', '--b', '--c', '--d', '--e', '--f', '--g'],
    undefined,
  ],
] as const)
  t.test(`options with which node would start: ${name}`, async t => {
    const gathered = factsOf({ facts, subject: { nodeOptions } })
    const diagnosis = diagnose(gathered, false, nodeWithout(...refused))
    t.equal(diagnosis.status, 1)
    t.equal(diagnosis.nodeOptions, want)
    t.equal(diagnosis.tried?.verdict.kind, want === undefined ? undefined : 'fits')
    const table = doctorTable(gathered, diagnosis, createColors(false), 100)
    t.match(table, /NODE WOULD NOT START\nWhat keeps it from starting stands below/)
    if (want !== undefined) t.ok(table.indexOf('Found\n') < table.indexOf('Set\n'), 'the reason comes first')
  })

t.test('no control character of anybody gets through, wherever it stands', async t => {
  const evil = '\x1b[2J\x07\u202e'
  const limit = limited(256) as Extract<ContainerLimit, { kind: 'limited' }>
  const gathered = factsOf({
    subject: { title: `node ${evil}`, nodeOptions: `--max-old-space-size=384 --title "${evil}" --require ${GUARD}` },
    facts: {
      kernelLimit: { ...limit, path: `/sys/fs/cgroup/${evil}` },
      strangers: [`HEAPGUARD_${evil}`],
      written: [{ variable: 'HEAPGUARD_DIR', path: `/${evil}`, trouble: 'ENOENT' }],
    },
    variables: { HEAPGUARD_SIGNALS: evil },
  })
  const table = doctorTable(gathered, diagnose(gathered, false, nodeWithout()), createColors(false), 100)
  t.equal(table.replaceAll('\n', '').replace(/[^\p{Cc}\p{Cf}]/gu, ''), '')
  const failed = { ...gathered, answer: { kind: 'failed', reason: evil } as const }
  const why = doctorTable(failed, diagnose(failed, false, noAnswer), createColors(false), 100)
  t.equal(why.replaceAll('\n', '').replace(/[^\p{Cc}\p{Cf}]/gu, ''), '')
  t.match(table.match(/\ufffd\[2J/g), { length: 6 }, 'title, path, setting, stranger, folder, NODE_OPTIONS')
})

for (const [name, facts, columns, want] of [
  [
    'the heap ends before the line',
    { answer: told(256) },
    46,
    ['heap limit  ██████████            256 MB', 'container   █████████████████░░░  512 MB'],
  ],
  [
    'it is longer than the container',
    { answer: told(1024) },
    46,
    ['heap limit  ████████████████████  1024 MB', 'container   █████████░            512 MB'],
  ],
  [
    'no narrower than ten cells',
    { answer: told(512) },
    10,
    ['heap limit  ██████████  512 MB', 'container   █████████░  512 MB'],
  ],
  ['the container is not known', { kernelLimit: unlimited }, 80, []],
] as const)
  t.test(`the bars: ${name}`, async t => {
    const { judgement } = diagnose(factsOf({ facts }), false, noAnswer)
    t.strictSame(judgement && bars(judgement, 85, columns, createColors(false)), want)
  })
