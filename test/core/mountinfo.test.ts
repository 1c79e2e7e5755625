import t from 'tap'
import { parseMemoryMounts, pathBelow } from '../../preload/core/mountinfo.ts'

const V1 = 'cgroup-v1'
const V2 = 'cgroup-v2'

t.test('parseMemoryMounts', async t => {
  for (const [name, text, want] of [
    ['nothing', '', []],
    ['a cgroup2 mount', '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n', [[V2, '/sys/fs/cgroup', '/']]],
    ['the last line without its newline', '30 23 0:26 / /c rw - cgroup2 cgroup2 rw', [[V2, '/c', '/']]],
    [
      'no optional field, one, and many',
      '1 2 0:3 / /a rw - cgroup2 x rw\n1 2 0:3 / /b rw shared:1 - cgroup2 x rw\n1 2 0:3 / /c rw shared:1 master:2 propagate_from:3 unbindable - cgroup2 x rw\n',
      [
        [V2, '/a', '/'],
        [V2, '/b', '/'],
        [V2, '/c', '/'],
      ],
    ],
    [
      'v1 with memory among others',
      '1 2 0:3 /x /m rw - cgroup cgroup rw,cpu,memory,clone_children\n',
      [[V1, '/m', '/x']],
    ],
    ['v1 without memory', '1 2 0:3 / /m rw - cgroup cgroup rw,cpu\n', []],
    ['v1 with memory as a part of a word', '1 2 0:3 / /m rw - cgroup cgroup rw,xmemory,name=memory\n', []],
    ['v1 without options', '1 2 0:3 / /m rw - cgroup cgroup\n', []],
    ['memory among the mount options is not the controller', '1 2 0:3 / /m rw,memory - cgroup cgroup rw,cpu\n', []],
    ['another type that begins like it', '1 2 0:3 / /m rw - cgroup3 x rw,memory\n', []],
    ['escapes', '1 2 0:3 /a\\040b\\011c /m\\012n\\134o\\043p rw - cgroup2 x rw\n', [[V2, '/m\nn\\o#p', '/a b\tc']]],
    ['an escape is decoded once', '1 2 0:3 / /a\\134040b rw - cgroup2 x rw\n', [[V2, '/a\\040b', '/']]],
    ['what only looks like an escape stays', '1 2 0:3 / /a\\09\\x rw - cgroup2 x rw\n', [[V2, '/a\\09\\x', '/']]],
    ['mounted on /', '1 2 0:3 / / rw - cgroup2 x rw\n', [[V2, '', '/']]],
    [
      'a later mount at the same place wins',
      '1 2 0:3 / /c rw - cgroup2 x rw\n1 2 0:3 /sub /c rw - cgroup2 x rw\n',
      [[V2, '/c', '/sub']],
    ],
    [
      'garbage before, between and after',
      'x\n\n - cgroup2 \n1 - cgroup2 x\n1 2 0:3 / /c rw - cgroup2 x rw\n - - cgroup\n',
      [[V2, '/c', '/']],
    ],
    ['the separator twice in a line', '1 2 0:3 / /c rw - cgroup2 x rw - cgroup2 y\n', [[V2, '/c', '/']]],
  ] as const)
    t.test(name, async t =>
      t.strictSame(
        parseMemoryMounts(text).map(mount => [mount.version, mount.mountPoint, mount.root]),
        want,
      ),
    )
})

t.test('pathBelow', async t => {
  for (const [root, group, want] of [
    ['/', '/', ''],
    ['/', '/a', '/a'],
    ['/', '/a/b', '/a/b'],
    ['/a', '/a', ''],
    ['/a', '/a/b', '/b'],
    ['/a', '/ab', undefined],
    ['/a/b', '/a', undefined],
    ['/a', '/', undefined],
    ['/', '/../x', undefined],
    ['/', '/..', undefined],
    ['/', '/..x/y..', '/..x/y..'],
    ['/..', '/../x', '/x'],
    ['/..', '/..', ''],
    ['/..', '/../../x', undefined],
    ['/../..', '/', undefined],
  ] as const)
    t.equal(pathBelow(root, group), want, `${group} in a mount of ${root}`)
})

t.test('64 KiB of separators are parsed in linear time', async t => {
  const started = process.hrtime.bigint()
  parseMemoryMounts(' - cgroup2'.repeat(6500))
  parseMemoryMounts(' - cgroup2\n'.repeat(6000))
  t.ok(process.hrtime.bigint() - started < 200_000_000n)
})
