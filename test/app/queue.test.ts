import t from 'tap'
import { openQueue, QueueFull } from '../../app/queue.js'

/** Work that says when it begins, and ends when it is told to. */
function someWork() {
  const begun: string[] = []
  const ends = new Map<string, { resolve: (value: string) => void; reject: (error: Error) => void }>()
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<string>((resolve, reject) => ends.set(name, { resolve, reject }))
  }
  return {
    begun,
    work,
    end: (name: string) => ends.get(name)?.resolve(name),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  }
}
const stays = new AbortController().signal

t.test('so many run at a time, and the others in the order in which they came', async t => {
  const queue = openQueue(2, 3)
  const { begun, work, end } = someWork()
  const ran = ['a', 'b', 'c', 'd', 'e'].map(name => queue.run(work(name), stays))
  t.same(begun, ['a', 'b'])
  t.same(queue.stats, { running: 2, waiting: 3, refused: 0 })
  end('b')
  t.equal(await ran[1], 'b')
  t.same(begun, ['a', 'b', 'c'])
  end('a')
  end('c')
  await Promise.all([ran[0], ran[2]])
  t.same(begun, ['a', 'b', 'c', 'd', 'e'])
  end('d')
  end('e')
  t.same(await Promise.all(ran), ['a', 'b', 'c', 'd', 'e'])
  t.same(queue.stats, { running: 0, waiting: 0, refused: 0 })
})

t.test('the last place is given, and one more is refused until there is room again', async t => {
  const queue = openQueue(1, 1)
  const { begun, work, end } = someWork()
  const [first, second] = [queue.run(work('a'), stays), queue.run(work('b'), stays)]
  const refused = queue.run(work('c'), stays)
  const error = await refused.catch(error => error)
  t.type(error, QueueFull)
  t.match(error, { status: 503, retryAfterS: Number })
  end('a')
  await first
  const third = queue.run(work('c'), stays)
  t.same(queue.stats, { running: 1, waiting: 1, refused: 1 })
  end('b')
  await second
  end('c')
  t.equal(await third, 'c')
  t.same(begun, ['a', 'b', 'c'])
})

t.test('work that fails makes room as well', async t => {
  const queue = openQueue(1, 1)
  const { work, end, fail } = someWork()
  const [first, second] = [queue.run(work('a'), stays), queue.run(work('b'), stays)]
  fail('a')
  await t.rejects(first, { message: 'a' })
  end('b')
  t.equal(await second, 'b')
  t.equal(queue.stats.running, 0)
})

t.test('who goes while waiting gives up the place, and never begins', async t => {
  const queue = openQueue(1, 2)
  const { begun, work, end } = someWork()
  const gone = new AbortController()
  const [first, second, third] = [
    queue.run(work('a'), stays),
    queue.run(work('b'), gone.signal),
    queue.run(work('c'), stays),
  ]
  gone.abort()
  await t.rejects(second, { name: 'AbortError' })
  t.equal(queue.stats.waiting, 1)
  end('a')
  await first
  end('c')
  t.equal(await third, 'c')
  await t.rejects(queue.run(work('d'), gone.signal), { name: 'AbortError' }, 'gone before it came')
  t.same(begun, ['a', 'c'])
  t.same(queue.stats, { running: 0, waiting: 0, refused: 0 })
})
