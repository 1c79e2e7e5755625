// The words after `heapguard`.
import t from 'tap'
import { parseCommand } from '../../cli/arguments.ts'

const doctor = { kind: 'doctor', json: false, strict: false }

for (const [words, want] of [
  ['', { kind: 'help' }],
  ['--help', { kind: 'help' }],
  ['doctor -h', { kind: 'help' }],
  ['help', { kind: 'help' }],
  ['help doctor', { kind: 'help' }],
  ['--version', { kind: 'version' }],
  ['doctor', doctor],
  ['doctor --json --strict', { ...doctor, json: true, strict: true }],
  ['doctor --pid 7', { ...doctor, pid: 7 }],
  ['doctor --pid 0', { kind: 'wrong', reason: '--pid 0 is no pid' }],
  ['doctor --pid self', { kind: 'wrong', reason: '--pid self is no pid' }],
  ['doctor -- node --json x.js --strict', { ...doctor, command: ['node', '--json', 'x.js', '--strict'] }],
  ['doctor --', { kind: 'wrong', reason: 'nothing stands after --' }],
  ['doctor --pid 7 -- node', { kind: 'wrong', reason: '--pid and a command are two questions' }],
  ['doctor node x.js', { kind: 'wrong', reason: 'put the command to judge after --: heapguard doctor -- node x.js' }],
  ['doctor --node-options --expose-gc', { ...doctor, nodeOptions: '--expose-gc' }],
  ['doctor --node-options=', { ...doctor, nodeOptions: '' }],
  ['doctor --node-options=--version', { ...doctor, nodeOptions: '--version' }],
  ['doctor --node-options --title=json', { ...doctor, nodeOptions: '--title=json' }],
  ...['--json', '--strict', '--pid=7', '--help', '-h', '--node-options'].map(
    option =>
      [
        `doctor --node-options ${option}`,
        {
          kind: 'wrong',
          reason: `--node-options has no value: ${option} is an option of its own (an empty value is --node-options=)`,
        },
      ] as const,
  ),
  ['doctor --html x', { kind: 'wrong', reason: 'doctor knows no --html' }],
  ['report -', { kind: 'report', log: '-', json: false }],
  ['report a.log --html a.html', { kind: 'report', log: 'a.log', json: false, html: 'a.html' }],
  ['report --json -- -odd.log', { kind: 'report', log: '-odd.log', json: true }],
  ['report', { kind: 'wrong', reason: 'report needs a log file, or - for stdin' }],
  ['report a b', { kind: 'wrong', reason: 'report takes one log; cat several into it: b' }],
  ['report --pid 1 a', { kind: 'wrong', reason: 'report knows no --pid' }],
  ['docter', { kind: 'wrong', reason: 'no such command: docter' }],
] as const)
  t.test(words === '' ? 'nothing' : words, async t =>
    t.strictSame(parseCommand(words === '' ? [] : words.split(' ')), want),
  )

t.test('an option that nobody knows is wrong, with a reason', async t =>
  t.match(parseCommand(['doctor', '--nope']), { kind: 'wrong', reason: /--nope/ }),
)
