import t from 'tap'
import { type DrainState, NOT_DRAINED, signalled, stepDrain } from '../../preload/core/drain.ts'

/** A look: c critical, - not; in capitals and as = while the app listens to SIGTERM. t: a SIGTERM arrives. */
const acts = (looks: string): string => {
  let state: DrainState = NOT_DRAINED
  return [...looks]
    .map(look => {
      if (look === 't') {
        const { isOwn, state: told } = signalled(state, 'SIGTERM')
        state = told
        return isOwn ? 'o' : 't'
      }
      const next = stepDrain(state, look === 'c' || look === 'C', () => look === 'C' || look === '=')
      state = next.state
      return { none: '.', send: 'S', 'say-nobody-listens': 'n' }[next.act]
    })
    .join('')
}

for (const [name, looks, want] of [
  ['calm: nothing', '====', '....'],
  ['two critical looks are not enough', 'CC', '..'],
  ['the third sends', 'CCC', '..S'],
  ['they must come in a row', 'CC=CC=CC=', '.........'],
  ['in a row after all', 'CC=CCC', '.....S'],
  ['never twice, however long it stays critical', 'CCCCCC', '..S...'],
  ['never twice, in a later climb either', 'CCC===CCC', '..S......'],
  ['nobody listens: said once, and nothing is sent', 'cccccc', '..n...'],
  ['nobody listens in a later climb: not said again', 'ccc---ccc', '..n......'],
  ['the app begins to listen while it is critical', 'cccC', '..nS'],
  ['the app begins to listen before the third look', 'ccC', '..S'],
  ['the app no longer listens at the third look', 'CCc', '..n'],
  ['the app begins to listen later, in a second climb', 'ccc--CCC', '..n....S'],
  ['its own arrives, and then another', 'CCCtt', '..Sot'],
  ['somebody else was first: the app drains, and is not sent a second', 'CCtCCC', '..t...'],
  ['somebody else, before anything was critical', 'tCCC', 't...'],
  ['told before the look that would have said that nobody listens', 'tccc', 't...'],
] as const)
  t.test(`drain: ${name}`, async t => t.equal(acts(looks), want))

t.test('the listeners are counted only when it matters', async t => {
  let asked = 0
  const listens = (): boolean => {
    asked++
    return true
  }
  let state: DrainState = NOT_DRAINED
  for (const isCritical of [false, true, true]) state = stepDrain(state, isCritical, listens).state
  t.equal(asked, 0)
  state = stepDrain(state, true, listens).state
  t.equal(asked, 1)
  stepDrain(state, true, listens)
  t.equal(asked, 1)
})

t.test('another signal in between is not its own', async t => {
  t.strictSame(signalled({ kind: 'sent' }, 'SIGINT'), { state: { kind: 'told' }, isOwn: false })
  t.strictSame(signalled({ kind: 'sent' }, 'SIGTERM'), { state: { kind: 'told' }, isOwn: true })
})
