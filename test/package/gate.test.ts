// A red gate must say at its end what failed: its log is long, and often only the last of it is at hand.
import t from 'tap'
import { Failures } from '../../.ci/failures.mjs'

const digestOf = (lines: readonly string[]): string[] => {
  const failures = new Failures()
  for (const line of lines) failures.see(line)
  return failures.lines()
}

t.test('each failure stands under the subtests it is in, with its diagnostics', async t => {
  const digest = digestOf([
    '# Subtest: test/a.test.ts',
    '    # Subtest: the first',
    '        ok 1 - fine',
    '        1..1',
    '    ok 1 - the first # time=1ms',
    '    ',
    '    # Subtest: the second',
    '        not ok 1 - equal',
    '          ---',
    '          diff: |',
    '            -1',
    '',
    '            +2',
    '          ...',
    '        ',
    '        ok 2 - fine again',
    '        1..2',
    '        # failed 1 of 2 tests',
    '    not ok 2 - the second # time=2ms',
    '    ',
    '    1..2',
    'not ok 1 - test/a.test.ts # time=3ms',
    '  ---',
    '  exitCode: 1',
    '  ...',
    '',
    '# Subtest: test/b.test.ts',
    '    not ok 1 - not yet # TODO',
    '    ok 2 - none # SKIP here',
    'ok 2 - test/b.test.ts # time=3ms',
    'not ok 3 - timeout!',
  ])
  t.same(digest, [
    'test/a.test.ts > the second > not ok 1 - equal',
    '  ---',
    '  diff: |',
    '    -1',
    '    +2',
    '  ...',
    'test/a.test.ts > not ok 2 - the second # time=2ms',
    'not ok 1 - test/a.test.ts # time=3ms',
    '  ---',
    '  exitCode: 1',
    '  ...',
    'not ok 3 - timeout!',
  ])
})

t.test('one long failure hides no other, and many are counted', async t => {
  const long = Array.from({ length: 1000 }, (_, i) => `  line ${i}`)
  const digest = digestOf(['not ok 1 - long', ...long, 'not ok 2 - short'])
  t.ok(digest.includes('not ok 2 - short'))
  t.ok(digest.length < 50, `${digest.length} lines`)
  const several = digestOf([...Array.from({ length: 9 }, (_, i) => [`not ok ${i + 1} - long`, ...long]).flat()])
  t.equal(several.filter(line => line.startsWith('not ok')).length, 9)
  const many = digestOf(Array.from({ length: 250 }, (_, i) => `not ok ${i + 1} - one of many`))
  t.equal(many.length, 241)
  t.equal(many.at(-1), '... and 10 lines more')
})

t.test('a run that failed without a failing test shows its end', async t => {
  const digest = digestOf([...Array.from({ length: 40 }, (_, i) => `line ${i}`), 'ERROR: incomplete coverage'])
  t.equal(digest.length, 15)
  t.equal(digest.at(-1), 'ERROR: incomplete coverage')
})
