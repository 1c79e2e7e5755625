// The few lines of a log that matter, whatever the pieces that it comes in.
import t from 'tap'
import { LineFinder } from '../../cli/report/lines.ts'
import { progressLine } from '../../cli/report/progress.ts'

const found = (pieces: readonly string[], needles = ['ours']): string[] => {
  const finder = new LineFinder(needles)
  return [...pieces.flatMap(piece => finder.push(Buffer.from(piece))), ...finder.end()]
}

const long = 'x'.repeat(70_000)

for (const [name, pieces, want] of [
  ['nothing', [], []],
  ['no line of ours', ['a\nb\n'], []],
  ['some', ['a\nours 1\nb\nours 2\n'], ['ours 1', 'ours 2']],
  ['twice in one line is one line', ['ours ours\n'], ['ours ours']],
  ['the last line without a newline', ['a\nours'], ['ours']],
  ['a line in three pieces', ['a\nou', 'rs ', '1\nb'], ['ours 1']],
  ['an empty line first', ['\n\nours\n'], ['ours']],
  ['a line that is too long is left out', [`a\nours ${long}\nours 2\n`], ['ours 2']],
  ['a long line in pieces is skipped to its end', [`ours ${long}`, long, 'ours\nours 2\n'], ['ours 2']],
  ['a long line that never ends', [`ours ${long}`, long], []],
  ['a character in two pieces', ['ours ü\n'], ['ours ü']],
] as const)
  t.test(name, async t => t.strictSame(found(pieces), want))

t.test('of several needles each is found, in the order of the lines', async t => {
  t.strictSame(found(['b 1\na 2\nc\nb 3\na b 4\n'], ['a', 'b']), ['b 1', 'a 2', 'b 3', 'a b 4'])
})

t.test('any cut of a text gives the same lines', async t => {
  const text = 'ours 1\nxx\n\nours 2 ours\nours 3'
  for (let at = 0; at <= text.length; at++)
    t.strictSame(found([text.slice(0, at), text.slice(at)]), ['ours 1', 'ours 2 ours', 'ours 3'])
})

for (const [read, of, seconds, want] of [
  [1_073_741_824, 2_147_483_648, 2, `${'━'.repeat(15)}${'─'.repeat(15)} 50 % of 2,048 MB, 512 MB/s`],
  [2_147_483_648, 2_147_483_648, 4, `${'━'.repeat(30)} 100 % of 2,048 MB, 512 MB/s`],
  [10_485_760, undefined, 1, '10 MB read, 10 MB/s'],
  [10_485_760, 0, 1, '10 MB read, 10 MB/s'],
] as const)
  t.test(`progress: ${want}`, async t => t.equal(progressLine(read, of, seconds), want))
