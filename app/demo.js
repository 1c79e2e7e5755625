import { setImmediate as nextTurn } from 'node:timers/promises'
import { Router } from 'express'

const wholeNumber = /^\d+$/
const mostMB = 4096

/**
 * Routes that use memory on purpose, to show what happens when it runs out. Mount them only where that is wanted.
 *
 *     POST /heap?mb=50      keep about 50 MB more of small JS objects
 *     POST /buffers?mb=50   keep 50 MB more of Buffers, which lie outside the JS heap
 *     GET  /                how much is kept
 *     DELETE /              let go of all of it
 */
export function demoRoutes() {
  /** @type {{ heap: object[][], buffers: Buffer[] }} */
  const kept = { heap: [], buffers: [] }
  const keptMB = () => ({ heapMB: kept.heap.length, buffersMB: kept.buffers.length })
  const router = Router()

  router.post('/heap', async (request, response) => {
    await repeat(request, response, () => kept.heap.push(oneMBOfObjects()))
  })
  router.post('/buffers', async (request, response) => {
    // Filled with something: the kernel gives pages of zeros only when they are written to.
    await repeat(request, response, () => kept.buffers.push(Buffer.alloc(1024 * 1024, 1)))
  })
  router.get('/', (_request, response) => {
    response.json(keptMB())
  })
  router.delete('/', (_request, response) => {
    kept.heap = []
    kept.buffers = []
    response.json(keptMB())
  })
  return router

  /** @type {(request: import('express').Request, response: import('express').Response, addOneMB: () => void) => Promise<void>} */
  async function repeat(request, response, addOneMB) {
    const text = String(request.query.mb ?? '')
    const mb = Number(text)
    if (!wholeNumber.test(text) || mb < 1 || mb > mostMB) {
      response.status(400).json({ error: `mb must be a whole number from 1 to ${mostMB}` })
      return
    }
    for (let n = 0; n < mb; n++) {
      addOneMB()
      await nextTurn() // health checks are answered meanwhile, as they are beside a real leak
    }
    response.json(keptMB())
  }
}

/** An object of four fields takes 56 bytes and its place in the array 8: 16384 of them are one MB. */
function oneMBOfObjects() {
  return Array.from({ length: 16384 }, (_, n) => ({ row: n, column: n, width: 1, height: 1 }))
}
