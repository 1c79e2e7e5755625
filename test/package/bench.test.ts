// What the benchmark refuses, before its first suite has run for minutes.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const bench = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/run.mjs', ...words], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, stdout, stderr }
}
const nowhere = join(t.testdir(), 'nowhere/figures')

for (const [name, words, line] of [
  ['no row', ['--match', 'zzz'], /^bench: no row under load has zzz in its name: [^\n]*heapguard, defaults[^\n]*\n$/],
  ['one of two', ['--match', 'defaults,zzz'], /^bench: no row under load has zzz in its name: [^\n]*\n$/],
  ['a folder that is not there', ['--json', nowhere], /^bench: --json cannot be written: ENOENT[^\n]*\n$/],
  ['the same for the tables', ['--markdown', nowhere], /^bench: --markdown cannot be written: ENOENT[^\n]*\n$/],
  ['no size', ['--young-generation', '0'], /^bench: --young-generation takes a whole number from 1 up\n$/],
  ['a folder', ['--json', t.testdirName], /^bench: --json cannot be written: EISDIR[^\n]*\n$/],
] as const)
  t.test(`the benchmark refuses at once, in one line: ${name}`, async t => {
    const { status, stdout, stderr } = bench('--only', 'load', '--runs', '1', '--seconds', '1', ...words)
    t.match(stderr, line)
    t.strictSame({ status, stdout }, { status: 2, stdout: '' })
  })

t.test('what it checks, it leaves as it was', async t => {
  const old = join(t.testdir({ 'old.json': 'figures of before' }), 'old.json')
  const { stderr } = bench('--match', 'defaults', '--json', old, '--markdown', nowhere)
  t.match(stderr, /^bench: --markdown cannot/, 'a row that is there and a file that can be written are taken')
  t.equal(readFileSync(old, 'utf8'), 'figures of before')
  t.notOk(existsSync(nowhere))
})

t.test('what callgrind has counted', async t => {
  const { readCounts, slowLoads } = await import(join(process.cwd(), 'bench/lib/callgrind.mjs'))
  const dump = [
    ...['fn=(1) main', '0 10', 'cfn=(2) Builtins_LoadIC', 'calls=3 0', '0 50', 'cfn=(3) Builtins_LoadICTrampoline'],
    ...['calls=7 0', '0 1', 'fn=(2)', '0 50', "cfn=(4) Builtins_KeyedLoadIC_Megamorphic'2", 'calls=2 0', '0 9'],
    ...['fn=(5) 0x00007f', 'cfn=(2)', 'calls=4 0', '0 70', 'totals: 1234'],
  ].join('\n')
  const { instructions, calls } = readCounts(dump)
  t.equal(instructions, 1234)
  t.equal(calls.get('Builtins_LoadIC'), 7, 'a name is written once')
  t.equal(slowLoads(calls), 9)
  t.equal(slowLoads(new Map()), 0)
  t.throws(() => readCounts('fn=(1) main\n0 10\n'), { message: 'it holds no total' })
})
