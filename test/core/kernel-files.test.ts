import t from 'tap'
import {
  field,
  isIgnored,
  parseLimit,
  parseMachineBytes,
  parseWhole,
  quietly,
  quoted,
  statFields,
  statusField,
} from '../../preload/core/kernel-files.ts'
import { bytes } from '../../preload/core/units.ts'

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

t.test('a field of /proc/<pid>/status, whose keys end in a tab', async t => {
  t.equal(statusField('Name:\tnode\nVmRSS:\t   51234 kB\n', 'VmRSS:'), '51234 kB')
  t.equal(statusField('Name:\tnode\n', 'VmRSS:'), undefined)
})

for (const [text, want] of [
  ['0', 0],
  ['536870912', 536_870_912],
  ['9007199254740991', 2 ** 53 - 1],
  ['9007199254740992', undefined],
  ['007', undefined],
  ['-1', undefined],
  ['1e9', undefined],
  ['0x200', undefined],
  [' 5', undefined],
  ['', undefined],
] as const)
  t.test(`a whole number: ${JSON.stringify(text)}`, async t => t.equal(parseWhole(text), want))

for (const [text, want] of [
  ['536870912\n', bytes(536_870_912)],
  ['536870912\r\n', bytes(536_870_912)],
  ['max\n', 'none'],
  ['-1\n', 'none'],
  ['9223372036854771712\n', 'none'],
  ['18446744073709551615\n', 'none'],
  ['0\n', undefined],
  ['', undefined],
  ['5 5', undefined],
  ['maximum', undefined],
] as const)
  t.test(`a limit: ${JSON.stringify(text)}`, async t => t.equal(parseLimit(text), want))

t.test("the machine's memory, and more than any has where it is not said", async t => {
  t.equal(parseMachineBytes('MemTotal:       16384256 kB\nMemFree: 1 kB\n'), bytes(16_384_256 * 1024))
  const unsaid = parseMachineBytes()
  for (const text of ['', 'MemFree: 1 kB\n', 'MemTotal: 0 kB\n', 'MemTotal: many kB\n'])
    t.equal(parseMachineBytes(text), unsaid)
  t.equal(parseLimit(String(unsaid)), 'none')
})

t.test('contents in a sentence', async t => {
  t.equal(quoted(' 5\t5\n'), '"5\\t5"')
  t.equal(quoted('x'.repeat(99)), `"${'x'.repeat(40)}"`)
})

for (const [status, signal, want] of [
  ['SigIgn:\t0000000001001000\nSigCgt:\t0000000100004602\n', 13, true],
  ['SigIgn:\t0000000001001000\n', 25, true],
  ['SigIgn:\t0000000001000000\n', 13, false],
  ['SigIgn:\t0000000001000000\n', 25, true],
  ['SigIgn:\tffffffff00000000\n', 13, false],
  ['SigIgn:\tffffffff80000000\n', 32, true],
  ['SigCgt:\t0000000001001000\n', 13, undefined],
  ['', 13, undefined],
] as const)
  t.test(`signal ${signal} in ${JSON.stringify(status)}`, async t => t.equal(isIgnored(status, signal), want))

t.test('what /proc/<pid>/stat has behind a name that holds anything', async t => {
  t.strictSame(statFields('7 (a) R 9) (b) S 1 7 7').slice(0, 2), ['S', '1'])
  t.strictSame(statFields(), [''])
})
