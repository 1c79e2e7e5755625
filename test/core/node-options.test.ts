// NODE_OPTIONS cut into words; that Node does the same is shown on the real one in flags.test.ts.
import t from 'tap'
import { splitNodeOptions } from '../../preload/core/node-options.ts'

for (const [name, text, want] of [
  ['nothing is no word', '', []],
  ['spaces alone are no word', '   ', []],
  ['words end at spaces, however many', '  -a   -b ', ['-a', '-b']],
  ['a tab and a line break end nothing', '-a\t-b\n-c', ['-a\t-b\n-c']],
  ['double quotes keep a space', '--require "/a b.js"', ['--require', '/a b.js']],
  ['double quotes may stand within a word', '--require="/a b".js', ['--require=/a b.js']],
  ['an empty pair of quotes is no word', '"" -a', ['-a']],
  ['single quotes mean nothing', "'-a -b'", ["'-a", "-b'"]],
  ['a backslash in quotes takes the next character as it is', '"a\\"b\\\\c\\d"', ['a"b\\cd']],
  ['a backslash outside of quotes is a backslash', 'a\\ b', ['a\\', 'b']],
  ['an unterminated quote is what Node refuses', '-a "b', undefined],
  ['so is a backslash at the end of one', '-a "b\\', undefined],
  ['a quote that is escaped does not end one', '"a\\"', undefined],
] as const)
  t.test(name, async t => t.strictSame(splitNodeOptions(text), want))
