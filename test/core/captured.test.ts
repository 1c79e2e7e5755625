import fc from 'fast-check'
import t from 'tap'
import { type Ancestry, isHeldBack, mustHoldBack } from '../../preload/core/captured.ts'

interface Process {
  readonly parent?: number
  readonly comm?: string
  readonly environ?: string
  readonly cmdline?: string
  readonly exe?: string
  readonly stderr?: string
}

const GUARDED = 'PATH=/bin\0NODE_OPTIONS=--require /opt/heapguard/preload.js\0'
const SH: Process = { exe: '/usr/bin/dash', cmdline: 'sh\0-c\0npm start\0', environ: GUARDED }
const APP: Process = { exe: '/usr/local/bin/node', cmdline: 'node\0server.js\0', environ: GUARDED }
const INIT: Process = { exe: '/usr/bin/tini', cmdline: 'tini\0--\0node\0', environ: GUARDED, parent: 0 }

/** This process is 50, its stderr `mine`; the others are 1, 20, 30 …, each the parent of the next above it. */
function asked(others: Readonly<Record<number, Process>>, own: { pid?: number; parentPid?: number } = {}) {
  const pids = Object.keys(others).map(Number)
  const parentPid = own.parentPid ?? pids.at(-1) ?? 0
  const reads: string[] = []
  const ancestry: Ancestry = {
    pid: own.pid ?? 50,
    readText: path => {
      reads.push(path)
      const [, , pid, name] = path.split('/')
      const one = others[Number(pid)]
      if (one === undefined) return undefined
      if (name === 'stat')
        return `${pid} (${one.comm ?? 'x'}) S ${one.parent ?? pids[pids.indexOf(Number(pid)) - 1]} 1 1`
      return name === 'environ' ? one.environ : one.cmdline
    },
    descriptors: {
      parentPid,
      readLink: path => {
        const [, , pid, name] = path.split('/')
        if (Number(pid) === ancestry.pid) return 'mine'
        const link = name === 'exe' ? others[Number(pid)]?.exe : (others[Number(pid)]?.stderr ?? 'mine')
        if (link === undefined || link === 'EACCES') throw new Error('EACCES')
        return link
      },
    },
  }
  return { ancestry, reads }
}

const PIPE = { fd: 2, isPipeOrSocket: true }

for (const [name, others, want] of [
  ['a helper whose stderr the guarded app reads', { 1: { ...APP, stderr: 'other' } }, true],
  ['a helper behind a shell of the app', { 1: { ...APP, stderr: 'other' }, 20: SH }, true],
  [
    'a helper behind two shells, the last with a redirection',
    { 1: { ...APP, stderr: 'other' }, 20: SH, 30: { ...SH, stderr: 'x' } },
    true,
  ],
  [
    'a service under a process manager with an init in front',
    { 1: { ...INIT, stderr: 'docker' }, 20: { ...APP, stderr: 'docker' } },
    true,
  ],
  ['a child that shares the stderr of the guarded app', { 1: APP }, false],
  ['a child under npm start, all on one stderr', { 1: APP, 20: SH }, false],
  ['an app under an init', { 1: INIT }, false],
  ['an app whose stderr a shell pipes into another program', { 1: { ...SH, stderr: 'docker' } }, false],
  ['a parent that has never heard of the guard', { 1: { ...APP, environ: 'PATH=/bin\0', stderr: 'other' } }, false],
  [
    'a parent that got the guard on its command line',
    { 1: { ...APP, environ: '', cmdline: 'node\0-r\0/x/preload.js\0a.js\0', stderr: 'other' } },
    true,
  ],
  ['a parent that is gone', {}, false],
  ['a node of another name', { 1: { ...APP, exe: '/usr/bin/nodejs', stderr: 'other' } }, true],
  ['a node that was replaced on disk', { 1: { ...APP, exe: '/usr/bin/node (deleted)', stderr: 'other' } }, true],
  ['a program in a folder of that name', { 1: { ...SH, exe: '/srv/node/bin/sh', stderr: 'other' } }, false],
  ["another user's process above", { 1: { ...APP, stderr: 'EACCES' } }, true],
  ['a shell that was started by exec into the container', { 20: { ...SH, parent: 0 } }, true],
  ['a name with brackets and a newline', { 20: { ...SH, parent: 0, comm: 'a) S 7\n(b' } }, true],
] as const satisfies readonly (readonly [string, Record<number, Process>, boolean])[])
  t.test(`${want ? 'holds back' : 'speaks'}: ${name}`, async t => {
    const { ancestry } = asked(others, Object.keys(others).length === 0 ? { parentPid: 7 } : {})
    t.equal(mustHoldBack(ancestry, PIPE), want)
  })

t.test('PID 1 is asked nothing', async t => {
  const { ancestry, reads } = asked({}, { pid: 1, parentPid: 0 })
  t.equal(mustHoldBack(ancestry, PIPE), false)
  t.strictSame(reads, [])
})

t.test('a process that was started by exec holds back, wherever its stderr goes', async t => {
  for (const isPipeOrSocket of [true, false])
    t.equal(mustHoldBack(asked({}, { parentPid: 0 }).ancestry, { fd: 2, isPipeOrSocket }), true)
})

t.test('a terminal or a file is nobody’s capture: nothing is read', async t => {
  const { ancestry, reads } = asked({ 1: { ...APP, stderr: 'other' } })
  t.equal(mustHoldBack(ancestry, { fd: 2, isPipeOrSocket: false }), false)
  t.strictSame(reads, [])
})

t.test('a parent without the guard costs two reads', async t => {
  const { ancestry, reads } = asked({ 1: INIT, 20: { ...SH, environ: '' } })
  t.equal(mustHoldBack(ancestry, PIPE), false)
  t.strictSame(reads, ['/proc/20/environ', '/proc/20/cmdline'])
})

/** The quiet start's question, of the same processes. */
function atAGlance({ readText, descriptors: { parentPid, readLink } }: Ancestry, stderr = 'mine'): boolean | undefined {
  const read = (path: string): string => {
    const text = readText(path)
    if (text === undefined) throw new Error(`ENOENT ${path}`)
    return text
  }
  try {
    return isHeldBack(parentPid, stderr, read, readLink)
  } catch {
    return undefined
  }
}

const CAPTURING: Process = { ...APP, stderr: 'other' }

for (const [name, others, want] of [
  ['an app under an init', { 1: INIT }, false],
  ['an app under npm start', { 1: APP, 20: SH }, false],
  ['a worker of a cluster', { 1: { ...SH, environ: '' }, 20: APP }, false],
  ['a parent that has never heard of the guard', { 1: { ...CAPTURING, environ: 'PATH=/bin\0' } }, false],
  ['a name with brackets and a newline', { 1: INIT, 20: { ...SH, parent: 1, comm: 'a) S 7\n(b' } }, false],
  ['a helper whose stderr the guarded app reads', { 1: CAPTURING }, true],
  ['a probe that was started by exec into the container', {}, true],
  ['a helper behind a shell of the app', { 1: CAPTURING, 20: SH }, undefined],
  ['an app whose stderr a shell pipes into another program', { 1: { ...SH, stderr: 'docker' } }, undefined],
  ['a shell that was started by exec into the container', { 20: { ...SH, parent: 0 } }, undefined],
] as const satisfies readonly (readonly [string, Record<number, Process>, boolean | undefined])[])
  t.test(`a quiet start ${want === undefined ? 'is not sure' : want ? 'holds back' : 'speaks'}: ${name}`, async t => {
    t.equal(atAGlance(asked(others).ancestry), want)
  })

t.test('a quiet start asks nothing of a file, and yet holds back after an exec', async t => {
  const { ancestry, reads } = asked({ 1: CAPTURING })
  t.equal(atAGlance(ancestry, '/1:2'), false)
  t.strictSame(reads, [])
  t.equal(atAGlance(asked({}).ancestry, '/1:2'), true)
})

t.test('a quiet start under the first process of the container asks one link', async t => {
  const { ancestry, reads } = asked({ 1: APP })
  t.equal(atAGlance(ancestry), false)
  t.strictSame(reads, [])
})

t.test('wherever a quiet start is sure, the long way says the same', async t => {
  const one = fc.record(
    {
      comm: fc.constantFrom('node', 'a) S 1 (b'),
      environ: fc.constantFrom('', 'PATH=/bin\0', GUARDED),
      cmdline: fc.constantFrom('sh\0', 'node\0-r\0/x/preload.js\0'),
      exe: fc.constantFrom('/usr/bin/dash', '/usr/local/bin/node', 'EACCES'),
      stderr: fc.constantFrom('mine', 'mine', 'mine', 'docker', 'EACCES'),
      parent: fc.constantFrom(0, 1),
    },
    { requiredKeys: ['exe', 'cmdline'] },
  )
  const sure = { true: 0, false: 0 }
  fc.assert(
    fc.property(fc.array(one, { maxLength: 4 }), fc.boolean(), (all, hasInit) => {
      const others = Object.fromEntries(all.map((process, at) => [hasInit && at === 0 ? 1 : at * 10 + 20, process]))
      const { ancestry } = asked(others)
      const isHeld = atAGlance(ancestry)
      if (isHeld === undefined) return
      sure[`${isHeld}`]++
      if (mustHoldBack(ancestry, PIPE) !== isHeld) throw new Error(`the long way says ${!isHeld}`)
    }),
    { numRuns: 5000 },
  )
  t.ok(sure.false > 500 && sure.true > 100, `${sure.false} and ${sure.true} of 5000 were sure`)
})
