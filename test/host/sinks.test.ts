// Output that cannot hurt: what a line does when descriptor 2 is full, gone, closed, reused or another user's.
import t from 'tap'
import type { DescriptorIdentity, DescriptorKind, Descriptors } from '../../preload/host/descriptors.ts'
import { openSink } from '../../preload/host/sinks.ts'

interface Fake {
  kind?: DescriptorKind
  device?: number
  inode?: number
  owner?: number
  user?: number
  isTerminal?: boolean
  closed?: boolean
  fdinfo?: string | Error
  /** What each way of writing does: true whole, false part, or the code it throws. */
  direct?: boolean | string
  through?: boolean | string
  append?: boolean | string
  channelFd?: number
  /** What /proc/self/status says of signals that are ignored. */
  ignored?: string
}

interface Call {
  readonly how: 'direct' | 'through' | 'append'
  readonly where: number | string
  readonly line: string
}

const failing = (code: string): Error => Object.assign(new Error(code), { code })

function fake(state: Fake): { calls: Call[]; host: Parameters<typeof openSink>[1] } {
  const calls: Call[] = []
  const act = (how: Call['how'], where: number | string, line: string): boolean => {
    const result = state[how] ?? true
    if (typeof result === 'string') throw failing(result)
    calls.push({ how, where, line })
    return result
  }
  const descriptors: Descriptors = {
    identify: (): DescriptorIdentity => {
      if (state.closed) throw failing('EBADF')
      const { kind = 'pipe', device = 1, inode = 1, owner = 1000 } = state
      return { kind, device: BigInt(device), inode: BigInt(inode), owner }
    },
    isTerminal: () => state.isTerminal ?? false,
    write: (fd, line) => act('direct', fd, line),
    writeThrough: (path, line) => act('through', path, line),
    append: (path, line) => act('append', path, line),
    channelFd: state.channelFd,
    parentPid: 1,
    readLink: path => path,
    get user() {
      return state.user ?? 1000
    },
  }
  const readText = (path: string): string | undefined => {
    if (state.ignored === 'EACCES' && path === '/proc/self/status') throw failing('EACCES')
    if (path === '/proc/self/status') return state.ignored && `Name:\tnode\nSigIgn:\t${state.ignored}\nSigCgt:\t0\n`
    if (state.fdinfo instanceof Error) throw state.fdinfo
    return state.fdinfo
  }
  return { calls, host: { descriptors, readText } }
}

t.test('a pipe is opened anew, so that its flags stay and a full one loses the line', async t => {
  const { calls, host } = fake({})
  t.equal(openSink('stderr', host).write('a\n', 'info'), true)
  t.strictSame(calls, [{ how: 'through', where: '/proc/self/fd/2', line: 'a\n' }])
})

t.test('stdout is descriptor 1', async t => {
  const { calls, host } = fake({ kind: 'file' })
  openSink('stdout', host).write('a\n', 'info')
  t.strictSame(calls, [{ how: 'direct', where: 1, line: 'a\n' }])
})

t.test('a file is written directly: opened anew it would be overwritten from its start', async t => {
  const { calls, host } = fake({ kind: 'file' })
  openSink('stderr', host).write('a\n', 'info')
  t.strictSame(calls, [{ how: 'direct', where: 2, line: 'a\n' }])
})

t.test('a path is appended to', async t => {
  const { calls, host } = fake({})
  const sink = openSink('/log/x', host)
  t.equal(sink.isTerminal, false)
  t.equal(sink.write('a\n', 'info'), true)
  t.strictSame(calls, [{ how: 'append', where: '/log/x', line: 'a\n' }])
})

for (const [code, kind, how] of [
  ['EAGAIN', 'pipe', 'through'],
  ['ENXIO', 'pipe', 'through'],
  ['EPIPE', 'pipe', 'through'],
  ['ENOSPC', 'character-device', 'through'],
  ['ENOSPC', 'file', 'direct'],
  ['EPIPE', 'socket', 'direct'],
] as const)
  t.test(`${code} on a ${kind}: the line is lost, nothing is thrown, no other way is tried`, async t => {
    const { calls, host } = fake({ kind, [how]: code })
    t.equal(openSink('stderr', host).write('a\n', 'info'), false)
    t.strictSame(calls, [])
  })

for (const code of ['ENOSPC', 'EROFS', 'EACCES', 'ENOENT', 'EISDIR'])
  t.test(`${code} on a log file: the line is lost`, async t => {
    const { host } = fake({ append: code })
    t.equal(openSink('/log/x', host).write('a\n', 'info'), false)
  })

t.test('an error without a code is a lost line like any other', async t => {
  const { host } = fake({})
  const writeThrough = (): boolean => {
    throw new Error('out of memory')
  }
  t.equal(
    openSink('stderr', { ...host, descriptors: { ...host.descriptors, writeThrough } }).write('a\n', 'info'),
    false,
  )
})

t.test('closed at boot: never written to', async t => {
  const state: Fake = { closed: true }
  const { calls, host } = fake(state)
  const sink = openSink('stderr', host)
  t.equal(sink.isTerminal, false)
  state.closed = false
  t.equal(sink.write('a\n', 'info'), false, "what stands there now is the app's")
  t.strictSame(calls, [])
})

t.test('closed later, and reused by the app later: not written to', async t => {
  const state: Fake = {}
  const { calls, host } = fake(state)
  const sink = openSink('stderr', host)
  state.closed = true
  t.equal(sink.write('a\n', 'error'), false)
  state.closed = false
  state.inode = 2
  t.equal(sink.write('b\n', 'error'), false)
  state.inode = 1
  t.equal(sink.write('c\n', 'error'), true, 'it is the old one again')
  t.equal(calls.length, 1)
})

t.test('a file of the same number on another disk is another file', async t => {
  const state: Fake = { kind: 'file', inode: 12 }
  const { calls, host } = fake(state)
  const sink = openSink('stderr', host)
  state.device = 2
  t.equal(sink.write('a\n', 'error'), false)
  state.device = 1
  t.equal(sink.write('b\n', 'error'), true)
  t.equal(calls.length, 1)
})

t.test('opened later than at boot: what the app has put there meanwhile is not trusted', async t => {
  const state: Fake = { inode: 2 }
  const { calls, host } = fake(state)
  const boot: DescriptorIdentity = { kind: 'pipe', device: 1n, inode: 1n, owner: 1000 }
  const sink = openSink('stderr', { ...host, identityAtBoot: fd => (fd === 2 ? boot : undefined) })
  t.strictSame(sink.source, { fd: 2, isPipeOrSocket: true })
  t.equal(sink.write('a\n', 'error'), false)
  state.inode = 1
  t.equal(sink.write('b\n', 'error'), true, 'it is the one of boot')
  const closed = openSink('stdout', { ...host, identityAtBoot: () => undefined })
  t.equal(closed.write('c\n', 'error'), false, 'closed at boot')
  t.equal(calls.length, 1)
})

for (const code of ['EACCES', 'EPERM', 'ENOENT', 'ERR_ACCESS_DENIED'])
  t.test(`a pipe that cannot be opened anew (${code}) is written as it is`, async t => {
    const { calls, host } = fake({ through: code })
    t.equal(openSink('stderr', host).write('a\n', 'info'), true)
    t.strictSame(calls, [{ how: 'direct', where: 2, line: 'a\n' }])
  })

t.test("a pipe that is another user's: within a budget, since a write could block", async t => {
  const { calls, host } = fake({ through: 'EACCES', owner: 1001 })
  const sink = openSink('stderr', host)
  let info = 0
  while (sink.write('x\n', 'info')) info++
  let errors = 0
  while (sink.write('x\n', 'error')) errors++
  t.equal(info, 80)
  t.equal(errors, 20, 'the last fifth is for warnings and errors')
  t.equal(calls.length, 100)
})

t.test('the budget counts characters too, and stays below what a pipe holds', async t => {
  const { calls, host } = fake({ kind: 'socket' })
  const sink = openSink('stderr', host)
  while (sink.write('x'.repeat(3999), 'info'));
  while (sink.write('x'.repeat(3999), 'error'));
  const total = calls.reduce((sum, call) => sum + call.line.length, 0)
  t.ok(total > 40_000 && total <= 48_000, `${total}`)
})

t.test("root's pipe in the hands of a lesser user is a container runtime's: no bound", async t => {
  const { calls, host } = fake({ through: 'EACCES', owner: 0, user: 1000 })
  const sink = openSink('stderr', host)
  for (let i = 0; i < 1000; i++) sink.write('x\n', 'info')
  t.equal(calls.length, 1000)
})

t.test('a socket that cannot block: no bound', async t => {
  const { calls, host } = fake({ kind: 'socket', fdinfo: 'pos:\t0\nflags:\t02004002\nmnt_id:\t9\n' })
  const sink = openSink('stderr', host)
  for (let i = 0; i < 1000; i++) sink.write('x\n', 'info')
  t.equal(calls.length, 1000)
})

for (const [name, fdinfo] of [
  ['a socket that can block', 'pos:\t0\nflags:\t02000002\n'],
  ['a socket of which nothing is known', undefined],
  ['a socket whose fdinfo is denied', failing('ERR_ACCESS_DENIED')],
  ['a socket whose fdinfo makes no sense', 'flags:\tmany'],
] as const)
  t.test(`${name}: bounded`, async t => {
    const { calls, host } = fake({ kind: 'socket', ...(fdinfo === undefined ? {} : { fdinfo }) })
    const sink = openSink('stderr', host)
    for (let i = 0; i < 1000; i++) sink.write('x\n', 'info')
    t.equal(calls.length, 80)
  })

t.test('a line that went out in part is closed by the next one', async t => {
  for (const [target, how, kind] of [
    ['stderr', 'through', 'pipe'],
    ['stderr', 'direct', 'file'],
    ['/log/x', 'append', 'file'],
  ] as const) {
    const state: Fake = { kind, [how]: false }
    const { calls, host } = fake(state)
    const sink = openSink(target, host)
    t.equal(sink.write('a\n', 'info'), false)
    state[how] = 'EAGAIN'
    t.equal(sink.write('b\n', 'info'), false)
    state[how] = true
    t.equal(sink.write('c\n', 'info'), true)
    t.equal(sink.write('d\n', 'info'), true)
    t.strictSame(
      calls.map(call => call.line),
      ['a\n', '\nc\n', 'd\n'],
    )
  }
})

t.test(
  'a line that went out in part is closed by the next one that goes out, whatever was dropped between',
  async t => {
    const state: Fake = { kind: 'file', direct: false }
    const { calls, host } = fake(state)
    const sink = openSink('stderr', host)
    t.equal(sink.write('a\n', 'info'), false)
    Object.assign(state, { direct: true, inode: 2 })
    t.equal(sink.write('b\n', 'info'), false, "another file of the app's is there")
    state.inode = 1
    t.equal(sink.write('c\n', 'info'), true)
    t.equal(sink.write('d\n', 'info'), true)
    t.strictSame(
      calls.map(call => call.line),
      ['a\n', '\nc\n', 'd\n'],
    )
  },
)

t.test('only a character device is asked whether it is a terminal', async t => {
  t.equal(openSink('stderr', fake({ kind: 'character-device', isTerminal: true }).host).isTerminal, true)
  t.equal(openSink('stderr', fake({ kind: 'character-device', isTerminal: false }).host).isTerminal, false)
  t.equal(openSink('stderr', fake({ kind: 'file', isTerminal: true }).host).isTerminal, false)
})

t.test('where node:tty cannot be loaded, it is no terminal', async t => {
  const { host } = fake({ kind: 'character-device' })
  const descriptors = {
    ...host.descriptors,
    isTerminal: () => {
      throw failing('ERR_UNKNOWN_BUILTIN_MODULE')
    },
  }
  t.equal(openSink('stderr', { ...host, descriptors }).isTerminal, false)
})

for (const [kind, ignored, isWritten] of [
  ['file', '0000000001001000', true],
  ['file', '0000000001000000', true],
  ['file', '0000000000001000', false],
  ['socket', '0000000001001000', true],
  ['socket', '0000000000001000', true],
  ['socket', '0000000001000000', false],
  ['socket', 'ffffffff00000000', false],
  ['socket', undefined, true],
  ['socket', 'EACCES', true],
  ['pipe', '0000000000000000', true],
] as const)
  t.test(`a ${kind} where a write may raise a signal that is not ignored: ${ignored}`, async t => {
    const { calls, host } = fake({ kind, ...(ignored === undefined ? {} : { ignored }) })
    t.equal(openSink('stderr', host).write('a\n', 'info'), isWritten)
    t.equal(calls.length, isWritten ? 1 : 0)
  })

t.test('the descriptor of an IPC channel takes no line', async t => {
  const { calls, host } = fake({ kind: 'socket', channelFd: 2 })
  t.equal(openSink('stderr', host).write('a\n', 'info'), false)
  t.strictSame(calls, [])
  t.equal(openSink('stdout', host).write('a\n', 'info'), true)
})
