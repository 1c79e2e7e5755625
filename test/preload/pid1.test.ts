// PID 1, where the kernel ignores a signal that has no handler: node as the first process of a pid namespace of its own.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { EMPTY, GUARD, NODE, recordsIn } from './node.ts'

const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child']
const probe = spawnSync('unshare', [...unshare, 'true'])
const reason = probe.status === 0 ? '' : `no pid namespace can be made here: ${probe.error?.message ?? probe.stderr}`

/** With a setting of the watch, at its default: a whole guard from the start, wherever this runs. */
const WHOLE = { flags: '', settings: ['HEAPGUARD_INTERVAL_MS=50', 'HEAPGUARD_PROFILE=true'] }
const QUIET = { flags: '--max-old-space-size=384 ', settings: ['CONTAINER_MEMORY_MB=900000'] }

/**
 * Runs a script as PID 1, sends it the signals one after the other, then SIGKILL where it does not end by itself: as soon
 * as its stderr is `enough`.
 */
async function asPid1(
  preload: string,
  script: string,
  signals: readonly NodeJS.Signals[],
  enough: (stderr: string) => boolean = () => true,
  { flags, settings }: typeof WHOLE = WHOLE,
) {
  const env = ['-i', `PATH=${process.env.PATH}`, `NODE_OPTIONS=${flags}--require ${preload}`, ...settings]
  const child = spawn('unshare', [...unshare, 'env', ...env, NODE, '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const closed = new Promise<number | null>(done => child.on('close', done))
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const complains = (): Promise<void> =>
    new Promise(done => {
      const check = (): void => (enough(stderr) ? done() : undefined)
      child.stderr.on('data', check)
      closed.then(() => done())
      check()
    })
  const says = (word: string): Promise<void> =>
    new Promise((done, fail) => {
      const check = (): void => (stdout.includes(word) ? done() : undefined)
      child.stdout.on('data', check)
      closed.then(() => fail(new Error(`ended before it said ${word}: ${stderr}`)))
      check()
    })
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  await says('ready')
  const inner = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim())
  for (const [i, signal] of signals.entries()) {
    process.kill(inner, signal)
    // The script answers each signal's arrival by what it prints next; the one without a handler counts turns.
    await says(`turn ${i}`)
  }
  await complains()
  if (signals.length > 0 && child.exitCode === null && !stdout.includes('leaving')) process.kill(inner, 'SIGKILL')
  const code = await closed
  return { code, stdout, stderr }
}

// Each line of `turn` is printed after the signal has been sent: the process is asked through time, not through signals.
const TURNS = `let i = 0; const turn = () => { console.log('turn ' + i++); setTimeout(turn, 150) }; setTimeout(turn, 150); console.log('ready');`
/** The end of a guard that does not tell; else SIGKILL comes long before. */
const AT_LAST = 'setTimeout(() => process.exit(3), 20000)'
/** A turn may be over before the signal has come: what the guard says of it is waited for. */
const tells = (signal: NodeJS.Signals) => (stderr: string) => stderr.includes(`"signal":"${signal}"`)

t.test('PID 1', { skip: reason || false }, async t => {
  t.jobs = 2
  t.test('no handler: it lives on as it would have, and the signal line says what comes', async t => {
    const script = `${TURNS} ${AT_LAST}`
    const [bare, guarded] = await Promise.all([
      asPid1(EMPTY, script, ['SIGTERM', 'SIGINT']),
      asPid1(GUARD, script, ['SIGTERM', 'SIGINT'], tells('SIGINT')),
    ])
    t.equal(bare.code, guarded.code)
    t.match(guarded.stdout, 'turn 1')
    const records = recordsIn(guarded.stderr)
    t.match(records[0], { event: 'heap-validated', isPid1: true })
    t.match(
      records.filter(record => record.event === 'signal'),
      [
        { signal: 'SIGTERM', appHandles: false, isPid1: true, level: 'warn', msg: /--init/ },
        { signal: 'SIGINT', appHandles: false },
      ],
    )
  })

  t.test('no handler: the memory lines go on as the process does, behind the signals', async t => {
    const script = `${TURNS} setTimeout(() => process.exit(3), 5000)`
    const goesOn = (text: string): boolean => {
      const events = recordsIn(text).map(({ event }) => event)
      return /signal,(.*,)?signal,(memory,)+memory/.test(events.join())
    }
    const { code, stderr } = await asPid1(GUARD, script, ['SIGTERM', 'SIGINT'], goesOn)
    t.ok(goesOn(stderr), stderr)
    t.not(code, 3, 'before its end')
  })

  t.test('a quiet start: it listens long before its first look', async t => {
    const script = `${TURNS} setTimeout(() => process.exit(3), 5000)`
    const { code, stderr } = await asPid1(GUARD, script, ['SIGTERM', 'SIGINT'], tells('SIGINT'), QUIET)
    t.not(code, 3, 'before its end')
    const [boot, ...rest] = recordsIn(stderr)
    t.match(boot, { event: 'heap-validated', isPid1: true, heapLimitSource: 'worked-out' })
    // The first is sent so early that it may be ignored.
    t.match(rest.at(-1), { event: 'signal', signal: 'SIGINT', appHandles: false, isPid1: true })
  })

  t.test('a handler of the app: it runs, in its own async context, and nothing else differs', async t => {
    const script = `const { AsyncLocalStorage } = require('async_hooks'); const als = new AsyncLocalStorage()
      als.run('own context', () => process.on('SIGTERM', (...args) => {
        console.log('leaving', args.join(), process.listenerCount('SIGTERM'), als.getStore()); console.log('turn 0'); process.exit(7) }))
      setInterval(() => {}, 1000); console.log('ready')`
    const [bare, guarded] = await Promise.all([asPid1(EMPTY, script, ['SIGTERM']), asPid1(GUARD, script, ['SIGTERM'])])
    t.strictSame([guarded.code, guarded.stdout], [bare.code, bare.stdout])
    t.equal(guarded.code, 7)
    t.match(guarded.stdout, 'own context')
    const events = recordsIn(guarded.stderr).map(record => record.event)
    t.strictSame(events.slice(-3), ['memory', 'signal', 'shutdown'])
  })

  t.test('a handler that was removed again: it lives on, and the guard listens again', async t => {
    const script = `const f = () => {}; process.on('SIGTERM', f); process.off('SIGTERM', f); setTimeout(() => { ${TURNS} }, 300); ${AT_LAST}`
    const [bare, guarded] = await Promise.all([
      asPid1(EMPTY, script, ['SIGTERM']),
      asPid1(GUARD, script, ['SIGTERM'], tells('SIGTERM')),
    ])
    t.equal(guarded.code, bare.code)
    t.match(guarded.stdout, 'turn 0')
    t.match(
      recordsIn(guarded.stderr).filter(record => record.event === 'signal'),
      [{ signal: 'SIGTERM', appHandles: false }],
    )
  })

  t.test('what tells who listens is not called, at no tick', async t => {
    const ask =
      "for (const name of ['listeners', 'rawListeners', 'listenerCount', 'eventNames']) process[name] = () => { console.log('asked for ' + name) }"
    for (const [start, own] of [
      ['a quiet start', QUIET],
      ['a whole one', WHOLE],
    ] as const)
      for (const handler of ['', "process.on('SIGTERM', () => {});"]) {
        const script = `console.log('ready'); ${handler} ${ask}; setTimeout(() => { console.log('leaving'); process.exit(7) }, 1500)`
        const { code, stdout, stderr } = await asPid1(GUARD, script, [], undefined, own)
        t.strictSame([code, stdout], [7, 'ready\nleaving\n'], `${start}, ${handler ? 'a handler' : 'no handler'}`)
        if (own === WHOLE) t.match(stderr, '"event":"memory"', 'it has looked')
      }
  })

  t.test('it ends by itself when there is nothing left to do', async t => {
    const { code } = await asPid1(GUARD, "console.log('ready')", [])
    t.equal(code, 0)
  })

  t.test('the descriptors that the app gets are the same', async t => {
    const script = `console.log('ready', require('fs').openSync('/dev/null'))`
    t.equal((await asPid1(GUARD, script, [])).stdout, (await asPid1(EMPTY, script, [])).stdout)
  })
})
