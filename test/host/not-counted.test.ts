import * as v8 from 'node:v8'
import t from 'tap'
import { notCounted } from '../../preload/evidence/not-counted.ts'

const { cachedDataVersionTag, setFlagsFromString } = v8
const FLAG = 'detect-ineffective-gcs-near-heap-limit'

t.test('off meanwhile, on again afterwards', async t => {
  const before = cachedDataVersionTag()
  const during = notCounted(v8, cachedDataVersionTag)
  t.not(during, before)
  t.equal(cachedDataVersionTag(), before)
  t.throws(
    () =>
      notCounted(v8, () => {
        throw new Error('ENOSPC')
      }),
    { message: 'ENOSPC' },
  )
  t.equal(cachedDataVersionTag(), before, 'whatever it throws')
  t.equal(
    notCounted(v8, () => notCounted(v8, cachedDataVersionTag)),
    during,
  )
  t.equal(cachedDataVersionTag(), before, 'one in another')
})

t.test('an app that has it off keeps it off', async t => {
  const before = cachedDataVersionTag()
  setFlagsFromString(`--no-${FLAG}`)
  const off = cachedDataVersionTag()
  t.equal(notCounted(v8, cachedDataVersionTag), off)
  t.equal(cachedDataVersionTag(), off)
  setFlagsFromString(`--${FLAG}`)
  t.equal(cachedDataVersionTag(), before)
})

t.test('flags that an operator has frozen stay as they are: V8 ends a process that sets one', async t => {
  const { execArgv } = process
  t.teardown(() => {
    process.execArgv = execArgv
  })
  const before = cachedDataVersionTag()
  for (const option of ['--freeze-flags-after-init', '--freeze_flags_after_init', '-freeze-flags-after-init']) {
    process.execArgv = [...execArgv, option]
    t.equal(notCounted(v8, cachedDataVersionTag), before, option)
  }
  process.execArgv = [...execArgv, '--no-freeze-flags-after-init']
  t.not(notCounted(v8, cachedDataVersionTag), before)
})
