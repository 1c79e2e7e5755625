import t from 'tap'
import { drawThumbnail } from '../../app/thumbnail.js'

t.test('while a large one is drawn others get their turn, and it ends as soon as nobody wants it', async t => {
  const controller = new AbortController()
  const drawn = drawThumbnail('a', 1024, controller.signal)
  // Were it drawn in one turn, this would come when all the pixels are there.
  setImmediate(() => controller.abort())
  await t.rejects(drawn, { name: 'AbortError' })
})

t.test('the same id gives the same bytes, however its turns fall', async t => {
  const { signal } = new AbortController()
  const [one, other] = await Promise.all([drawThumbnail('a', 300, signal), drawThumbnail('a', 300, signal)])
  t.ok(one?.equals(other as Buffer))
  t.notOk(one?.equals(await drawThumbnail('b', 300, signal)))
})
