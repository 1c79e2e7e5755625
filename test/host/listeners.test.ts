// Who listens, as an EventEmitter's own methods tell it.
import { EventEmitter } from 'node:events'
import t from 'tap'
import type { ListeningProcess } from '../../preload/host/hooks.ts'
import { isHeard, listenersOf } from '../../preload/host/listeners.ts'

const asTarget = (emitter: unknown) => emitter as ListeningProcess
const first = () => {}
const second = () => {}

t.test('none, one, more of them, once, and none again', async t => {
  const emitter = new EventEmitter()
  const target = asTarget(emitter)
  const isAsTold = (want: number, what: string): void => {
    t.equal(listenersOf(target, 'SIGTERM').length, want, what)
    t.equal(emitter.listenerCount('SIGTERM'), want, what)
    t.strictSame(listenersOf(target, 'SIGTERM'), emitter.rawListeners('SIGTERM'), what)
    t.equal(isHeard(target, 'SIGTERM'), want > 0, what)
  }
  isAsTold(0, 'none')
  emitter.on('SIGTERM', first)
  isAsTold(1, 'one, which is kept without an array')
  emitter.on('SIGTERM', second)
  isAsTold(2, 'two')
  emitter.off('SIGTERM', first).off('SIGTERM', second)
  isAsTold(0, 'two that were removed')
  emitter.once('SIGTERM', first)
  isAsTold(1, 'once')
  emitter.emit('SIGTERM')
  isAsTold(0, 'once, and it has been')
  emitter.on('SIGTERM', first).removeAllListeners()
  isAsTold(0, 'all removed')
})

t.test('an event by the name of what every object has', async t => {
  const target = asTarget(new EventEmitter())
  for (const name of ['toString', 'constructor', '__proto__']) t.notOk(isHeard(target, name), name)
})

t.test('process: what the listener for signals is found by', async t => {
  const names = listenersOf(asTarget(process), 'newListener').map(({ name }) => name)
  t.strictSame(
    names,
    process.rawListeners('newListener').map(({ name }) => name),
  )
  t.ok(names.includes('startListeningIfSignal'), names.join())
})

t.test('an emitter that keeps them elsewhere is asked', async t => {
  for (const events of [undefined, null, 'none']) {
    const target = asTarget({ _events: events, listeners: (event: string) => (event === 'SIGTERM' ? [first] : []) })
    t.strictSame([listenersOf(target, 'SIGTERM'), isHeard(target, 'SIGINT')], [[first], false], String(events))
  }
})
