// The kernel's files, of this process and of others.
import t from 'tap'
import { nulTerminated, readText, readTextOf, variablesIn } from '../../cli/machine.ts'
import { wrapped } from '../../cli/wrap.ts'

t.test('no such file is undefined, anything else throws', async t => {
  t.equal(readText('/proc/self/no-such-file'), undefined)
  t.equal(readText('/proc/self/status/below-a-file'), undefined)
  t.match(readText('/proc/self/status'), /^Name:/)
  t.throws(() => readText('/proc/self'), { code: 'EISDIR' })
})

t.test('another process’s own files, and the rest below its root', async t => {
  const read = readTextOf(7, path => path)
  t.equal(read('/proc/self/cgroup'), '/proc/7/cgroup')
  t.equal(read('/sys/fs/cgroup/memory.max'), '/proc/7/root/sys/fs/cgroup/memory.max')
  t.equal(read('/proc/meminfo'), '/proc/7/root/proc/meminfo')
})

t.test('words and variables end in NUL; of two variables of one name the first holds', async t => {
  t.strictSame(nulTerminated('node\0x y\0'), ['node', 'x y'])
  t.strictSame(nulTerminated(''), [])
  t.strictSame(variablesIn('A=1\0B=a=b\0EMPTY=\0A=2\0odd\0'), { A: '1', B: 'a=b', EMPTY: '' })
})

t.test('text is broken at spaces, and long words stay whole', async t => {
  t.equal(wrapped('one two three', 7), 'one two\nthree')
  t.equal(wrapped('one two three', 8, '  '), 'one two\n  three')
  t.equal(wrapped('a-very-long-word b', 5), 'a-very-long-word\nb')
  t.equal(wrapped('', 5), '')
})
