import t from 'tap'
import { isReportUsed, planReport, type ReportSettings, reportText } from '../../preload/core/v8-report.ts'

const UNUSED: ReportSettings = {
  directory: '',
  filename: '',
  reportOnFatalError: false,
  reportOnSignal: false,
  reportOnUncaughtException: false,
  excludeEnv: false,
}
const BOTH = '--report-exclude-env --report-exclude-network'
const { excludeEnv: _, ...OLD } = UNUSED

for (const [name, nodeOptions, execArgv, report, want] of [
  ['both flags in NODE_OPTIONS', BOTH, [], UNUSED, undefined],
  ['both on the command line', undefined, BOTH.split(' '), UNUSED, undefined],
  ['one here, one there', '--report-exclude-env', ['--report-exclude-network'], UNUSED, undefined],
  ['with underscores', '--report_exclude_env --report_exclude_network', [], UNUSED, undefined],
  ['no flag', undefined, [], UNUSED, /add --report-exclude-env --report-exclude-network to NODE_OPTIONS/],
  ['empty NODE_OPTIONS', '', [], UNUSED, /add --report-exclude-env --report-exclude-network/],
  ['the network alone is kept out', '--report-exclude-network', [], UNUSED, /add --report-exclude-env to/],
  ['the environment alone is kept out', '--report-exclude-env', [], UNUSED, /add --report-exclude-network to/],
  ['taken back on the command line', BOTH, ['--no-report-exclude-env'], UNUSED, /add --report-exclude-env to/],
  ['taken back and set again', `--no-report-exclude-env ${BOTH}`, [], UNUSED, undefined],
  [
    'the flag as the value of another option',
    '"--title=--report-exclude-env" --report-exclude-network',
    [],
    UNUSED,
    /add/,
  ],
  ['set by JS alone: ignored at a fatal error', undefined, [], { ...UNUSED, excludeEnv: true }, /add/],
  ['NODE_OPTIONS that Node would refuse', `"${BOTH}`, [], UNUSED, /add/],
  ['a Node without excludeEnv', BOTH, [], OLD, /22\.13 and newer/],
  ['a folder is set', BOTH, [], { ...UNUSED, directory: '/reports' }, /in use already/],
  ['a file is set', BOTH, [], { ...UNUSED, filename: 'x.json' }, /in use already/],
  ['reports on fatal errors', BOTH, [], { ...UNUSED, reportOnFatalError: true }, /in use already/],
  ['reports on a signal', BOTH, [], { ...UNUSED, reportOnSignal: true }, /in use already/],
  ['reports on exceptions', BOTH, [], { ...UNUSED, reportOnUncaughtException: true }, /in use already/],
] as const)
  t.test(`V8's report: ${name}`, async t => {
    const plan = planReport({ report, execArgv, nodeOptions })
    if (want === undefined) {
      t.strictSame(plan, { kind: 'arm' })
      t.equal(reportText(plan), '')
    } else {
      t.match(plan, { kind: 'leave', reason: want })
      t.match(reportText(plan), /^ V8's own report is not written at a fatal heap error: .*\.$/)
    }
  })

t.test('unused means all of it', async t => {
  t.equal(isReportUsed(UNUSED), false)
  t.equal(isReportUsed({ ...UNUSED, filename: 'x' }), true)
})
