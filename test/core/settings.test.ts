import t from 'tap'
import { describeSettings, isEnabled, isWatchSet, readSettings } from '../../preload/core/settings.ts'
import { readWatchSettings } from '../../preload/core/watch-settings.ts'

const DEFAULTS = {
  enabled: true,
  containerMemoryMB: undefined,
  warnPercent: 85,
  criticalPercent: 95,
  intervalMs: 60_000,
  pulseMs: 1000,
  logLevel: 'info',
  logFormat: 'auto',
  logFile: 'stderr',
  signals: true,
  terminationLog: 'auto',
  dir: undefined,
  profile: true,
  onCritical: 'log',
  autosizePercent: undefined,
  metrics: undefined,
  heapSnapshot: false,
  watchdog: false,
}

/** Both tables, as start-up and the watch read them. */
function read(env: Readonly<Record<string, string>>) {
  const boot = readSettings(name => env[name])
  const watch = readWatchSettings(name => env[name], boot.settings.warnPercent)
  return { settings: { ...boot.settings, ...watch.settings }, problems: [...boot.problems, ...watch.problems] }
}

t.test('nothing set: the defaults and no problem', async t =>
  t.strictSame(read({}), { settings: DEFAULTS, problems: [] }),
)

t.test('empty and blank mean unset', async t =>
  t.strictSame(read({ CONTAINER_MEMORY_MB: '', HEAPGUARD_INTERVAL_MS: '  ', HEAPGUARD_ENABLED: '\n' }), {
    settings: DEFAULTS,
    problems: [],
  }),
)

t.test('every variable of the table has its default as text', async t => {
  t.strictSame(describeSettings(), [
    { variable: 'HEAPGUARD_ENABLED', fallback: 'true' },
    { variable: 'CONTAINER_MEMORY_MB', fallback: "the container's own limit" },
    { variable: 'HEAPGUARD_WARN_PERCENT', fallback: '85' },
    { variable: 'HEAPGUARD_CRITICAL_PERCENT', fallback: '95' },
    { variable: 'HEAPGUARD_INTERVAL_MS', fallback: '60000' },
    { variable: 'HEAPGUARD_PULSE_MS', fallback: '1000' },
    { variable: 'HEAPGUARD_LOG_LEVEL', fallback: 'info' },
    { variable: 'HEAPGUARD_LOG_FORMAT', fallback: 'auto' },
    { variable: 'HEAPGUARD_LOG_FILE', fallback: 'stderr' },
    { variable: 'HEAPGUARD_SIGNALS', fallback: 'true' },
    { variable: 'HEAPGUARD_TERMINATION_LOG', fallback: 'auto' },
    { variable: 'HEAPGUARD_DIR', fallback: 'unset' },
    { variable: 'HEAPGUARD_PROFILE', fallback: 'true' },
    { variable: 'HEAPGUARD_HEAP_SNAPSHOT', fallback: 'false' },
    { variable: 'HEAPGUARD_WATCHDOG', fallback: 'false' },
    { variable: 'HEAPGUARD_ON_CRITICAL', fallback: 'log' },
    { variable: 'HEAPGUARD_AUTOSIZE', fallback: 'off' },
    { variable: 'HEAPGUARD_METRICS', fallback: 'off' },
  ])
})

for (const [variable, text, key, value] of [
  ['HEAPGUARD_ENABLED', 'false', 'enabled', false],
  ['HEAPGUARD_ENABLED', 'NO', 'enabled', false],
  ['HEAPGUARD_ENABLED', '0', 'enabled', false],
  ['HEAPGUARD_ENABLED', 'Off', 'enabled', false],
  ['HEAPGUARD_SIGNALS', 'YES', 'signals', true],
  ['HEAPGUARD_SIGNALS', '1', 'signals', true],
  ['HEAPGUARD_SIGNALS', 'on', 'signals', true],
  ['HEAPGUARD_SIGNALS', 'False', 'signals', false],
  ['CONTAINER_MEMORY_MB', '1', 'containerMemoryMB', 1],
  ['CONTAINER_MEMORY_MB', ' 512 ', 'containerMemoryMB', 512],
  ['CONTAINER_MEMORY_MB', '0512', 'containerMemoryMB', 512],
  ['CONTAINER_MEMORY_MB', '8589934591', 'containerMemoryMB', 8_589_934_591],
  ['HEAPGUARD_WARN_PERCENT', '1', 'warnPercent', 1],
  ['HEAPGUARD_WARN_PERCENT', '93', 'warnPercent', 93],
  ['HEAPGUARD_CRITICAL_PERCENT', '86', 'criticalPercent', 86],
  ['HEAPGUARD_CRITICAL_PERCENT', '98', 'criticalPercent', 98],
  ['HEAPGUARD_PULSE_MS', '0', 'pulseMs', 0],
  ['HEAPGUARD_PULSE_MS', '50', 'pulseMs', 50],
  ['HEAPGUARD_PULSE_MS', '60000', 'pulseMs', 60_000],
  ['HEAPGUARD_TERMINATION_LOG', 'OFF', 'terminationLog', 'off'],
  ['HEAPGUARD_TERMINATION_LOG', 'Auto', 'terminationLog', 'auto'],
  ['HEAPGUARD_TERMINATION_LOG', './last words', 'terminationLog', './last words'],
  ['HEAPGUARD_DIR', '/evidence', 'dir', '/evidence'],
  ['HEAPGUARD_PROFILE', 'no', 'profile', false],
  ['HEAPGUARD_ON_CRITICAL', 'Sigterm', 'onCritical', 'sigterm'],
  ['HEAPGUARD_ON_CRITICAL', 'log', 'onCritical', 'log'],
  ['HEAPGUARD_METRICS', 'Off', 'metrics', undefined],
  ['HEAPGUARD_WATCHDOG', 'on', 'watchdog', true],
  ['HEAPGUARD_AUTOSIZE', 'on', 'autosizePercent', 75],
  ['HEAPGUARD_AUTOSIZE', 'TRUE', 'autosizePercent', 75],
  ['HEAPGUARD_AUTOSIZE', '1', 'autosizePercent', 75],
  ['HEAPGUARD_AUTOSIZE', 'off', 'autosizePercent', undefined],
  ['HEAPGUARD_AUTOSIZE', '0', 'autosizePercent', undefined],
  ['HEAPGUARD_AUTOSIZE', '10', 'autosizePercent', 10],
  ['HEAPGUARD_AUTOSIZE', '90', 'autosizePercent', 90],
  ['HEAPGUARD_INTERVAL_MS', '0', 'intervalMs', 0],
  ['HEAPGUARD_INTERVAL_MS', '10', 'intervalMs', 10],
  ['HEAPGUARD_INTERVAL_MS', '86400000', 'intervalMs', 86_400_000],
  ['HEAPGUARD_LOG_LEVEL', 'WARN', 'logLevel', 'warn'],
  ['HEAPGUARD_LOG_LEVEL', 'silent', 'logLevel', 'silent'],
  ['HEAPGUARD_LOG_FORMAT', 'text', 'logFormat', 'text'],
  ['HEAPGUARD_LOG_FILE', 'stdout', 'logFile', 'stdout'],
  ['HEAPGUARD_LOG_FILE', '/var/log/Heap Guard.log', 'logFile', '/var/log/Heap Guard.log'],
] as const)
  t.test(`${variable}=${text} is ${value}`, async t =>
    t.strictSame(read({ [variable]: text }), { settings: { ...DEFAULTS, [key]: value }, problems: [] }),
  )

for (const [variable, text, rule, used] of [
  ['HEAPGUARD_ENABLED', 'nope', /true or false/, 'true'],
  ['HEAPGUARD_SIGNALS', '2', /true or false/, 'true'],
  ['CONTAINER_MEMORY_MB', '0', /whole number of MB, 1 or more/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '-512', /whole number of MB/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '512m', /such as 512/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '1e3', /whole number/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '0x200', /whole number/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '512.5', /whole number/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', '8589934592', /whole number/, "the container's own limit"],
  ['CONTAINER_MEMORY_MB', 'NaN', /whole number/, "the container's own limit"],
  ['HEAPGUARD_WARN_PERCENT', '0', /from 1 to 97/, '85'],
  ['HEAPGUARD_WARN_PERCENT', '98', /from 1 to 97/, '85'],
  ['HEAPGUARD_WARN_PERCENT', '85%', /from 1 to 97$/, '85'],
  ['HEAPGUARD_WARN_PERCENT', '0.85', /write 85 for 0\.85/, '85'],
  ['HEAPGUARD_WARN_PERCENT', '.9', /write 90 for \.9/, '85'],
  ['HEAPGUARD_INTERVAL_MS', '9', /0 .* or 10 to 86400000/, '60000'],
  ['HEAPGUARD_INTERVAL_MS', '86400001', /86400000/, '60000'],
  ['HEAPGUARD_INTERVAL_MS', 'Infinity', /86400000/, '60000'],
  ['HEAPGUARD_LOG_LEVEL', 'debug', /one of info, warn, error, silent/, 'info'],
  ['HEAPGUARD_LOG_FORMAT', 'xml', /one of auto, json, text/, 'auto'],
  ['HEAPGUARD_LOG_FILE', 'a\0b', /path/, 'stderr'],
  ['HEAPGUARD_CRITICAL_PERCENT', '85', /from 86 to 98/, '95'],
  ['HEAPGUARD_CRITICAL_PERCENT', '99', /from 86 to 98/, '95'],
  ['HEAPGUARD_CRITICAL_PERCENT', '0.9', /write 90 for 0\.9/, '95'],
  ['HEAPGUARD_PULSE_MS', '49', /0 \(only at the interval\) or 50 to 60000/, '1000'],
  ['HEAPGUARD_PULSE_MS', '60001', /60000/, '1000'],
  ['HEAPGUARD_TERMINATION_LOG', 'on', /must be auto, off or a path/, 'auto'],
  ['HEAPGUARD_TERMINATION_LOG', '/a\0b', /path/, 'auto'],
  ['HEAPGUARD_DIR', 'a\0b', /path/, 'unset'],
  ['HEAPGUARD_PROFILE', 'maybe', /true or false/, 'true'],
  ['HEAPGUARD_WATCHDOG', 'auto', /true or false/, 'false'],
  ['HEAPGUARD_HEAP_SNAPSHOT', 'full', /true or false/, 'false'],
  ['HEAPGUARD_HEAP_SNAPSHOT', 'true', /needs a folder to write to, HEAPGUARD_DIR/, 'false'],
  ['HEAPGUARD_ON_CRITICAL', 'SIGINT', /one of log, sigterm/, 'log'],
  ['HEAPGUARD_AUTOSIZE', '9', /off, on or a percentage: it must be a whole percentage from 10 to 90/, 'off'],
  ['HEAPGUARD_AUTOSIZE', '91', /from 10 to 90/, 'off'],
  ['HEAPGUARD_AUTOSIZE', '0.75', /write 75 for 0\.75/, 'off'],
  ['HEAPGUARD_AUTOSIZE', 'auto', /off, on or/, 'off'],
  ['HEAPGUARD_METRICS', '0', /off, a port \(1 to 65535\) or ADDRESS:PORT/, 'off'],
  ['HEAPGUARD_METRICS', '65536', /65535/, 'off'],
  ['HEAPGUARD_METRICS', 'on', /a port/, 'off'],
  ['HEAPGUARD_METRICS', 'example.org:9464', /ADDRESS:PORT/, 'off'],
  ['HEAPGUARD_METRICS', '127.0.0.1', /ADDRESS:PORT/, 'off'],
  ['HEAPGUARD_METRICS', '::1:9464', /ADDRESS:PORT/, 'off'],
  ['HEAPGUARD_METRICS', ':9464', /ADDRESS:PORT/, 'off'],
  ['HEAPGUARD_METRICS', '[]:9464', /ADDRESS:PORT/, 'off'],
] as const)
  t.test(`${variable}=${JSON.stringify(text)} is refused: the default, and one problem`, async t => {
    const { settings, problems } = read({ [variable]: text })
    t.strictSame(settings, DEFAULTS)
    t.equal(problems.length, 1)
    t.match(problems[0], { variable, value: text, rule, used })
  })

for (const [text, address, port] of [
  ['9464', '127.0.0.1', 9464],
  ['1', '127.0.0.1', 1],
  ['65535', '127.0.0.1', 65_535],
  ['localhost:9464', '127.0.0.1', 9464],
  ['LocalHost:9464', '127.0.0.1', 9464],
  ['0.0.0.0:9464', '0.0.0.0', 9464],
  ['[::1]:9464', '::1', 9464],
  ['[::]:9464', '::', 9464],
] as const)
  t.test(`HEAPGUARD_METRICS=${text} is ${address}, port ${port}`, async t =>
    t.strictSame(read({ HEAPGUARD_METRICS: text }), {
      settings: { ...DEFAULTS, metrics: { address, port } },
      problems: [],
    }),
  )

for (const [warn, critical, used, problems] of [
  ['94', undefined, 95, 0],
  ['95', undefined, 96, 0],
  ['97', undefined, 98, 0],
  ['60', '61', 61, 0],
  ['60', '60', 95, 1],
  ['97', '98', 98, 0],
  ['97', '97', 98, 1],
] as const)
  t.test(`the second rung above a first of ${warn}, set to ${critical ?? 'nothing'}: ${used}`, async t => {
    const found = read({
      HEAPGUARD_WARN_PERCENT: warn,
      ...(critical === undefined ? {} : { HEAPGUARD_CRITICAL_PERCENT: critical }),
    })
    t.equal(found.settings.criticalPercent, used)
    t.equal(found.problems.length, problems)
    if (problems > 0)
      t.match(found.problems[0], { rule: new RegExp(`from ${Number(warn) + 1} to 98`), used: String(used) })
  })

t.test('a long refused value is shown with 40 characters', async t =>
  t.equal(read({ HEAPGUARD_LOG_LEVEL: 'x'.repeat(4000) }).problems[0]?.value, 'x'.repeat(40)),
)

t.test('two bad values are two problems, and the good one between them counts', async t => {
  const { settings, problems } = read({
    CONTAINER_MEMORY_MB: 'x',
    HEAPGUARD_WARN_PERCENT: '70',
    HEAPGUARD_LOG_LEVEL: 'y',
  })
  t.equal(settings.warnPercent, 70)
  t.strictSame(
    problems.map(problem => problem.variable),
    ['CONTAINER_MEMORY_MB', 'HEAPGUARD_LOG_LEVEL'],
  )
})

t.test('start-up asks for the rows of the watch when one of its variables is set', async t => {
  const own = new Set(Object.keys(readSettings(() => undefined).settings))
  const asked: string[] = []
  t.equal(
    isWatchSet(name => void asked.push(name)),
    false,
  )
  const rows: string[] = []
  const { settings } = readWatchSettings(name => void rows.push(name), 85)
  t.strictSame(asked.sort(), rows.sort(), 'each of them, and no other')
  t.notOk(Object.keys(settings).some(key => own.has(key)))
  t.equal(
    isWatchSet(name => (name === 'HEAPGUARD_DIR' ? '/x' : undefined)),
    true,
  )
})

t.test('a heap snapshot with a folder for it', async t => {
  const { settings, problems } = read({ HEAPGUARD_HEAP_SNAPSHOT: 'on', HEAPGUARD_DIR: '/evidence' })
  t.strictSame(
    { settings, problems },
    { settings: { ...DEFAULTS, dir: '/evidence', heapSnapshot: true }, problems: [] },
  )
})

t.test('a heap snapshot without a folder is off', async t =>
  t.equal(read({ HEAPGUARD_HEAP_SNAPSHOT: 'on' }).settings.heapSnapshot, false),
)

t.test('the off switch reads nothing but itself', async t => {
  const asked: string[] = []
  const off = isEnabled(name => {
    asked.push(name)
    return 'off'
  })
  t.equal(off, false)
  t.strictSame(asked, ['HEAPGUARD_ENABLED'])
  t.equal(
    isEnabled(() => 'perhaps'),
    true,
    'a bad value is not off',
  )
})
