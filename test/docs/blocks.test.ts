// Which commands of a page are found.
import t from 'tap'
import { blocksIn, namedIn } from './blocks.ts'

for (const [name, page, want] of [
  ['none', 'text\n', []],
  ['one', 'a\n```sh\nls\n```\n', [{ line: 3, commands: 'ls', status: 0, runsOn: false }]],
  ['other languages are not run', '```json\n{}\n```\n```\nls\n```\n', []],
  [
    'a block that looks like sh inside of another',
    '```md\n    sh\n```\n```sh\nls\n```',
    [{ line: 5, commands: 'ls', status: 0, runsOn: false }],
  ],
  [
    'a status',
    '```sh\nfalse\n# exits with 1\n```',
    [{ line: 2, commands: 'false\n# exits with 1', status: 1, runsOn: false }],
  ],
  [
    'a server',
    '```sh\nserve\n# runs until Ctrl+C\n```',
    [{ line: 2, commands: 'serve\n# runs until Ctrl+C', status: 0, runsOn: true }],
  ],
] as const)
  t.test(name, async t => t.strictSame(blocksIn(page), want))

for (const [name, page, want] of [
  ['in a sentence', 'run `npm test`, not `rm`', ['npm test']],
  ['in a block of no language', '```\nnpm start\nother\n```\n', ['npm start']],
  ['not those that are run', '```sh\nnpm start\n```\n', []],
] as const)
  t.test(`commands that are named: ${name}`, async t => t.strictSame(namedIn(page), want))
