import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { hashKey, openCache } from '../../app/cache.js'
import { Service } from './service.ts'

type Said = { level: string; event: string; msg: string }

const open = async (dir: string, maxBytes = 1000, maxEntries = 10) => {
  const said: Said[] = []
  const log = (level: string, event: string, fields: object = {}) => {
    said.push({ level, event, ...fields } as Said)
  }
  return { cache: await openCache({ dir, maxBytes, maxEntries, log }), said }
}
const bytes = (length: number) => Buffer.alloc(length, 'x')

t.test('what is stored comes back, also after a start again', async t => {
  const dir = t.testdir()
  const { cache, said } = await open(dir)
  t.equal(await cache.get('a'), undefined)
  await cache.set('a', Buffer.from('one'))
  t.equal((await cache.get('a'))?.toString(), 'one')
  t.match(cache.stats, { state: 'on', entries: 1, bytes: 3, hits: 1, misses: 1 })

  const again = await open(dir)
  t.equal((await again.cache.get('a'))?.toString(), 'one')
  t.same([...said, ...again.said], [])
})

t.test('the entries are bounded in number: the one not used for the longest time goes', async t => {
  const dir = t.testdir()
  const { cache } = await open(dir, 1000, 3)
  for (const key of ['a', 'b', 'c']) await cache.set(key, bytes(1))
  t.equal(cache.stats.entries, 3, 'exactly the bound is kept')
  await cache.get('a')
  await cache.set('d', bytes(1))
  t.equal(await cache.get('b'), undefined)
  for (const key of ['a', 'c', 'd']) t.ok(await cache.get(key), key)
  t.equal(readdirSync(dir).length, 3, 'on the disk too')
})

t.test('the entries are bounded in bytes', async t => {
  const dir = t.testdir()
  const { cache } = await open(dir, 100)
  await cache.set('a', bytes(50))
  await cache.set('b', bytes(50))
  t.match(cache.stats, { entries: 2, bytes: 100 }, 'exactly the bound is kept')
  await cache.set('c', bytes(51))
  t.match(cache.stats, { entries: 1, bytes: 51 }, 'one byte more needs the room of both')
  await cache.set('d', bytes(101))
  t.match(cache.stats, { entries: 1, bytes: 51 }, 'what can never fit evicts nothing')
  await cache.set('c', bytes(60))
  t.match(cache.stats, { entries: 1, bytes: 60 }, 'a value that is replaced is counted once')
  t.same(readdirSync(dir), [hashKey('c')])
  await cache.set('e', bytes(100))
  t.match(cache.stats, { entries: 1, bytes: 100 }, 'what just fits is kept')
  t.equal((await cache.get('e'))?.length, 100)
})

t.test('the bounds hold when many are stored at once', async t => {
  const dir = t.testdir()
  const { cache } = await open(dir, 95, 5)
  await Promise.all(Array.from({ length: 40 }, (_, n) => cache.set(`key ${n}`, bytes(20))))
  t.match(cache.stats, { entries: 4, bytes: 80 })
  t.equal(readdirSync(dir).length, 4)
})

t.test('a start takes up the most recently used files within bounds that became tighter', async t => {
  const dir = t.testdir()
  const { cache } = await open(dir)
  for (const [n, key] of ['a', 'b', 'c'].entries()) {
    await cache.set(key, bytes(10))
    utimesSync(path.join(dir, hashKey(key)), 1000 - n, 1000 - n)
  }
  const tight = await open(dir, 20)
  t.match(tight.cache.stats, { entries: 2, bytes: 20 })
  t.equal(await tight.cache.get('c'), undefined)
})

t.test('what was read is the last to go after a start, too', async t => {
  const dir = t.testdir()
  const { cache } = await open(dir)
  for (const [n, key] of ['a', 'b', 'c'].entries()) {
    await cache.set(key, bytes(10))
    utimesSync(path.join(dir, hashKey(key)), 1000 + n, 1000 + n)
  }
  await cache.get('a')
  // It is written down beside the answer, which does not wait for it.
  while (statSync(path.join(dir, hashKey('a'))).mtimeMs < 1_100_000) await sleep(5)
  const tight = await open(dir, 20)
  t.equal(await tight.cache.get('b'), undefined)
  for (const key of ['a', 'c']) t.ok(await tight.cache.get(key), key)
})

t.test('a cache that is off keeps nothing, and does not say so again with each picture', async t => {
  const { cache, said } = await open('/proc/cache')
  t.match(said, [{ event: 'cache-off' }])
  await cache.set('a', bytes(1))
  t.equal(await cache.get('a'), undefined)
  t.match(cache.stats, { state: 'off', entries: 0, bytes: 0 })
  t.equal(said.length, 1)
})

t.test('a start removes what a killed process left half written, and nothing else', async t => {
  const old = `${hashKey('a')}.0123456789ab.tmp`
  const young = `${hashKey('b')}.0123456789ab.tmp`
  const dir = t.testdir({ [old]: 'half', [young]: 'being written', 'notes.txt': 'somebody’s', [hashKey('c')]: {} })
  utimesSync(path.join(dir, old), 1000, 1000)
  utimesSync(path.join(dir, 'notes.txt'), 1000, 1000)
  const { cache } = await open(dir, 1, 1)
  t.equal(cache.stats.entries, 0)
  t.same(readdirSync(dir).sort(), [young, 'notes.txt', hashKey('c')].sort())
})

t.test('a key never becomes a path', async t => {
  const dir = t.testdir({ cache: {} })
  const { cache, said } = await open(path.join(dir, 'cache'))
  const keys = ['../escape', '/etc/passwd', 'a\0b', '.', 'x'.repeat(10_000)]
  for (const key of keys) {
    await cache.set(key, Buffer.from(key.slice(0, 5)))
    t.equal((await cache.get(key))?.toString(), key.slice(0, 5))
  }
  t.same(readdirSync(path.join(dir, 'cache')).sort(), keys.map(hashKey).sort())
  t.same(readdirSync(dir), ['cache'])
  t.same(said, [])
})

t.test('a file that somebody deleted is a miss, and can be stored again', async t => {
  const dir = t.testdir({ cache: {} })
  const { cache } = await open(dir)
  await cache.set('a', bytes(1))
  rmSync(path.join(dir, hashKey('a')))
  t.equal(await cache.get('a'), undefined)
  t.match(cache.stats, { entries: 0, bytes: 0 })
  await cache.set('a', bytes(2))
  t.equal((await cache.get('a'))?.length, 2)
})

t.test('a write that fails is said once, leaves nothing behind, and the next that works ends it', async t => {
  const dir = t.testdir()
  const { cache, said } = await open(dir)
  mkdirSync(path.join(dir, hashKey('a'))) // a folder in the place of the file: the rename fails, for root too
  await cache.set('a', bytes(1))
  await cache.set('a', bytes(1))
  t.match(said, [{ level: 'error', event: 'cache-write-failed', msg: /rename/ }])
  t.equal(said.length, 1)
  t.same(readdirSync(dir), [hashKey('a')], 'no temporary file')
  await cache.set('b', bytes(1))
  await cache.set('a', bytes(1))
  t.equal(said.length, 2)
  t.match(cache.stats, { state: 'on', entries: 1, bytes: 1 })
})

t.test('the service makes a folder that is missing', async t => {
  const dir = path.join(t.testdir(), 'not', 'there')
  const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: dir })
  t.match((await service.get('/thumbnails/a?size=16')).headers, { 'x-cache': 'miss' })
  t.match((await service.get('/thumbnails/a?size=16')).headers, { 'x-cache': 'hit' })
  t.equal(readdirSync(dir).length, 1)
})

const file = path.join(t.testdir({ file: 'not a folder' }), 'file')
for (const [name, dir, reason] of [
  ['a file is in its place', file, /EEXIST|ENOTDIR/],
  ['its parent is a file', path.join(file, 'cache'), /ENOTDIR/],
  ['nobody can write there, not even root', '/proc/cache', /ENOENT|EACCES|EPERM/],
] as const) {
  t.test(`the service goes on without a cache where ${name}`, async t => {
    const service = await Service.start(t.teardown.bind(t), { CACHE_DIR: dir })
    const problem = service.lines.filter(line => line.level === 'error')
    t.match(problem, [{ event: 'cache-off', dir, msg: /CACHE_DIR cannot be used/ }])
    t.equal(problem.length, 1)
    t.match(problem[0]?.msg, reason)
    for (const _ of [1, 2]) {
      const { status, headers, body } = await service.get('/thumbnails/a?size=16')
      t.match({ status, headers, png: body.subarray(1, 4).toString() }, { status: 200, png: 'PNG' })
      t.equal(headers['x-cache'], 'miss')
    }
    t.match(JSON.parse((await service.get('/healthz')).body.toString()), { status: 'ok', cache: { state: 'off' } })
    service.child.kill('SIGTERM')
    t.same(await service.ended(), { code: 0, signal: null })
    t.equal(service.stderr, '')
  })
}
t.ok(existsSync(file) && readFileSync(file, 'utf8') === 'not a folder', 'the file is as it was')
