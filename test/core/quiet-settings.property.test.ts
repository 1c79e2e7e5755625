// Wherever a quiet start takes the settings for plain, the readers of the whole guard read the same, without a problem.
import fc from 'fast-check'
import t from 'tap'
import { plainSettings } from '../../preload/core/quiet-settings.ts'
import { isWatchSet, readSettings } from '../../preload/core/settings.ts'

const numRuns = Number(process.env.HEAPGUARD_PROPERTY_RUNS ?? 3000)
const NAMES = [
  ...['ENABLED', 'WARN_PERCENT', 'CRITICAL_PERCENT', 'INTERVAL_MS', 'PULSE_MS', 'LOG_LEVEL', 'LOG_FORMAT', 'LOG_FILE'],
  ...[
    'SIGNALS',
    'TERMINATION_LOG',
    'DIR',
    'PROFILE',
    'HEAP_SNAPSHOT',
    'WATCHDOG',
    'ON_CRITICAL',
    'AUTOSIZE',
    'METRICS',
  ],
].map(name => `HEAPGUARD_${name}`)
const word = fc.constantFrom(
  ...[
    '',
    'true',
    'false',
    'TRUE',
    '1',
    '0',
    'on',
    'off',
    'yes',
    'no',
    'info',
    'warn',
    'error',
    'silent',
    'Info',
    'json',
  ],
  ...['auto', 'text', 'stderr', '/tmp', '85', '97', '98', '09', '0.85', '10', '9', '49', '50', '99', '100', '60000'],
  ...['59999', '60001', '9999999', '86400000', '86400001', ' 500', '500 ', '500\n', '1e3', '+50', '5e1', '-1'],
)
const env = fc.dictionary(
  fc.oneof(
    { arbitrary: fc.constantFrom(...NAMES), weight: 9 },
    fc.constantFrom('HEAPGUARD_X', 'MY_HEAPGUARD_DIR', 'PATH'),
  ),
  fc.oneof({ arbitrary: word, weight: 3 }, fc.integer({ min: 0, max: 100_000 }).map(String)),
  { maxKeys: 3 },
)

t.test('nothing set: the defaults', async t => {
  const { settings } = readSettings(() => undefined)
  const unset = plainSettings({ PATH: '/bin' })
  t.match(unset, { warnPercent: settings.warnPercent, pauseMs: settings.pulseMs, isSpoken: true, variables: {} })
  t.strictSame(plainSettings({ PATH: '/bin', HEAPGUARD_DIR: '', MY_HEAPGUARD_DIR: 'x' }), unset)
})

t.test('plain settings are what the whole guard reads', async t => {
  let plain = 0
  fc.assert(
    fc.property(env, made => {
      const found = plainSettings(made)
      if (found === undefined) return
      plain++
      const { settings, problems } = readSettings(name => made[name])
      t.strictSame(problems, [])
      t.notOk(
        isWatchSet(name => made[name]),
        'what only the second file knows is not plain',
      )
      const { enabled, warnPercent, intervalMs, pulseMs, logLevel, logFormat, logFile, signals } = settings
      t.strictSame({ enabled, logFile, signals }, { enabled: true, logFile: 'stderr', signals: true })
      t.not(logFormat, 'text')
      t.ok(pulseMs > 0)
      t.equal(found.warnPercent, warnPercent)
      t.equal(found.isSpoken, logLevel === 'info')
      t.equal(found.pauseMs, Math.min(1000, pulseMs, intervalMs || pulseMs))
      // What is handed on reads as what was set.
      t.strictSame(
        readSettings(name => found.variables[name]),
        { settings, problems },
      )
    }),
    { numRuns },
  )
  t.ok(plain > numRuns / 10, `${plain} of ${numRuns} were plain`)
})

t.test('each form that is plain, and the next that is not', async t => {
  for (const [name, plain, others] of [
    ['ENABLED', ['true', '1', 'on', 'yes'], ['TRUE', 'false', 'maybe']],
    ['SIGNALS', ['true', '1', 'on', 'yes'], ['off', 'No']],
    ['LOG_FORMAT', ['auto', 'json'], ['text', 'JSON', 'xml']],
    ['LOG_LEVEL', ['info', 'warn', 'error'], ['silent', 'debug', 'WARN']],
    ['INTERVAL_MS', ['0', '10', '60000', '9999999'], ['9', '10000000', '86400001', '007', '1.5', '-1']],
    // Lines are held back for ten seconds (HOLD_MS), and what takes over lets go of them.
    ['PULSE_MS', ['50', '99', '100', '999', '1000', '59999'], ['0', '49', '60000', '60001', '050']],
    ['WARN_PERCENT', ['1', '9', '10', '85', '97'], ['0', '98', '100', '0.85', '085']],
    ['DIR', [], ['/tmp', '/tmp/HEAPGUARD_SIGNALS=on']],
    ['PROFILE', [], ['true']],
  ] as const) {
    for (const value of plain) t.ok(plainSettings({ [`HEAPGUARD_${name}`]: value }), `${name}=${value}`)
    for (const value of others) t.equal(plainSettings({ [`HEAPGUARD_${name}`]: value }), undefined, `${name}=${value}`)
  }
})
