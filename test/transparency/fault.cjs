// Loads the guard with a fault at one of its boundaries: the FAULT_AT-th call of a function of Node's throws, and all
// after it where FAULT_MODE is `on`. What the guard calls later, from timers and signals, counts on.
const { readFileSync, writeSync } = require('node:fs')
const { dirname } = require('node:path')
const { compileFunction } = require('node:vm')

const { FAULT_GUARD, FAULT_AT, FAULT_MODE } = process.env
let calls = 0
const faulty = name => {
  calls++
  if (calls === Number(FAULT_AT) || (FAULT_MODE === 'on' && calls > Number(FAULT_AT)))
    throw new Error(`planted in ${name}`)
}
const wrap = (object, label) =>
  new Proxy(object, {
    get: (target, key) => {
      const value = target[key]
      if (value === process.getBuiltinModule && value !== undefined) return requireFaulty
      // process.emit is what Node would have called without the guard, handlers of the app included.
      if (key === 'emit' || typeof value !== 'function' || typeof key === 'symbol' || /^[A-Z]/.test(key)) return value
      return (...args) => {
        faulty(`${label}.${key}`)
        return value.apply(target, args)
      }
    },
  })
const requireFaulty = name => wrap(require(name), name)
requireFaulty.cache = require.cache

process.once('exit', () => process.env.FAULT_COUNT && writeSync(1, `calls ${calls}\n`))
const parameters = ['require', 'module', 'process', '__filename', '__dirname']
compileFunction(readFileSync(FAULT_GUARD, 'utf8'), parameters, { filename: FAULT_GUARD })(
  requireFaulty,
  { exports: {} },
  wrap(process, 'process'),
  FAULT_GUARD,
  dirname(FAULT_GUARD),
)
