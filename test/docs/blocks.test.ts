// Which commands of a page are found.
import t from 'tap'
import { blocksIn } from './blocks.ts'

for (const [name, page, want] of [
  ['none', 'text\n', []],
  ['one', 'a\n```sh\nls\n```\n', [{ line: 3, commands: 'ls', status: 0 }]],
  ['other languages are not run', '```json\n{}\n```\n```\nls\n```\n', []],
  [
    'a block that looks like sh inside of another',
    '```md\n    sh\n```\n```sh\nls\n```',
    [{ line: 5, commands: 'ls', status: 0 }],
  ],
  ['a status', '```sh\nfalse\n# exits with 1\n```', [{ line: 2, commands: 'false\n# exits with 1', status: 1 }]],
] as const)
  t.test(name, async t => t.strictSame(blocksIn(page), want))
