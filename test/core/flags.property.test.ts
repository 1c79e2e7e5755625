// Arbitrary NODE_OPTIONS and command lines: nothing throws, and no limit comes from nowhere.
import fc from 'fast-check'
import t from 'tap'
import { readOldSpaceLimit } from '../../preload/core/flags.ts'
import { splitNodeOptions } from '../../preload/core/node-options.ts'
import { bytes, bytesToMB } from '../../preload/core/units.ts'

const numRuns = Number(process.env.HEAPGUARD_PROPERTY_RUNS ?? 5000)

const name = fc.constantFrom(
  '--max-old-space-size',
  '--max_old_space_size',
  '-max-old_space-size',
  '--max-heap-size',
  '--max-semi-space-size',
  '--max-old-space-size-percentage',
  '--require',
  '--title=a',
  '__proto__',
)
const value = fc.oneof(fc.nat().map(String), fc.integer().map(String), fc.double().map(String), fc.string())
const flag = fc.tuple(name, fc.constantFrom('=', ' ', '', '=="'), value).map(parts => parts.join(''))
const word = fc.oneof({ weight: 4, arbitrary: flag }, fc.string({ unit: 'binary' }))
const line = fc.oneof(
  fc.array(word).map(words => words.join(' ')),
  fc.string({ unit: 'binary' }),
)

t.test('a limit never comes from nowhere', async t => {
  let set = 0
  fc.assert(
    fc.property(line, fc.array(word), fc.option(fc.nat()), (nodeOptions, execArgv, seenMB) => {
      const limit = readOldSpaceLimit({
        execArgv,
        nodeOptions,
        nodeVersion: 'v24.21.0',
        memoryNodeSeesBytes: seenMB === null ? undefined : bytes(seenMB * 1_048_576),
      })
      if (limit.kind === 'none') return true
      set++
      const words = limit.from === 'command line' ? execArgv : (splitNodeOptions(nodeOptions) ?? [])
      // A percentage may stand in a word of its own, so the two of them are looked for in a row.
      const isWritten = words.some((word, at) => word === limit.text || `${word} ${words[at + 1]}` === limit.text)
      const limitMB = bytesToMB(limit.limitBytes)
      const written = Number(/\d+$/.exec(limit.text)?.[0])
      const isPossible =
        limit.source === 'percentage-flag'
          ? seenMB !== null && limitMB <= seenMB
          : limit.source === 'flag'
            ? limitMB === written
            : limitMB < written
      return isWritten && isPossible && limitMB > 0
    }),
    { numRuns },
  )
  t.ok(set > numRuns / 100, `${set} of ${numRuns} set a limit`)
})

t.test('words hold what the text holds, in its order', async t => {
  fc.assert(
    fc.property(line, text => {
      const words = splitNodeOptions(text)
      if (words === undefined) return text.includes('"')
      let at = 0
      for (const char of words.join('')) {
        at = text.indexOf(char, at) + 1
        if (at === 0) return false
      }
      return words.every(word => word !== '')
    }),
    { numRuns },
  )
  t.pass(`${numRuns} lines`)
})
