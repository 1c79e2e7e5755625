import t from 'tap'
import { field, quietly } from '../../preload/core/kernel-files.ts'

const MOST = 65_536
/** So many characters in whole lines of ten. */
const lines = (length: number): string =>
  'padding 1\n'
    .repeat(length / 10 + 1)
    .slice(0, length - 1)
    .concat('\n')
const LIMIT = 'hierarchical_memory_limit 536870912\n'

for (const [name, text, want] of [
  ['a short file', LIMIT, '536870912'],
  ['one that just ends within', lines(MOST - 1 - LIMIT.length) + LIMIT, '536870912'],
  ['a value that is cut in two', lines(MOST + 10 - LIMIT.length) + LIMIT, undefined],
  ['a value that is cut before its last digit', lines(MOST + 2 - LIMIT.length) + LIMIT, undefined],
  ['a value whose line feed is the first that is too many', lines(MOST + 1 - LIMIT.length) + LIMIT, '536870912'],
  ['a line behind', lines(MOST) + LIMIT, undefined],
  ['one before a long tail', `${LIMIT}${'x'.repeat(2 * MOST)}`, '536870912'],
] as const)
  t.test(`what is read of a long file has no number that is cut in two: ${name}`, async t => {
    const read = quietly(() => text)
    t.equal(field(read('/memory.stat') ?? '', 'hierarchical_memory_limit'), want)
    t.ok((read('/memory.stat') ?? '').length <= MOST)
  })

t.test('what is not there, and what cannot be read', async t => {
  const problems: string[] = []
  const failing = (error: unknown) =>
    quietly(() => {
      throw error
    }, problems)
  t.equal(quietly(() => undefined, problems)('/a'), undefined)
  t.equal(failing(Object.assign(new Error('x'), { code: 'EACCES' }))('/b'), undefined)
  t.equal(failing(undefined)('/c'), undefined)
  t.strictSame(problems, ['/b: EACCES', '/c: cannot be read'])
})
