// Loads the guard with a fault at one of its boundaries: the FAULT_AT-th call of what Node gives it throws (`12`), or that
// of one function (`node:fs.openSync 3`), and all after it where FAULT_MODE is `on`. What the guard calls later, from timers
// and signals, and from its other files, counts on.
const { EventEmitter } = require('node:events')
const { readFileSync, writeSync } = require('node:fs')
const { dirname } = require('node:path')
const { compileFunction } = require('node:vm')

const { FAULT_GUARD, FAULT_AT, FAULT_MODE, FAULT_COUNT } = process.env
const called = []
const [, only, first] = /^(?:(.+) )?(\d+)$/.exec(FAULT_AT)
let calls = 0
const faulty = name => {
  called.push(name)
  if (only !== undefined && only !== name) return
  calls++
  if (calls === Number(first) || (FAULT_MODE === 'on' && calls > Number(first))) throw new Error(`planted in ${name}`)
}
// The guard knows node:v8's functions from an app's by their texts: while it loads, a faulty one has that of its own.
const originals = new WeakMap()
const { toString: textOf } = Function.prototype
Function.prototype.toString = function () {
  return textOf.call(originals.get(this) ?? this)
}
const faultyFunction = (value, target, name) => {
  const faulted = new Proxy(value, {
    apply: (_, _self, args) => {
      faulty(name)
      const result = value.apply(target, args)
      return result instanceof EventEmitter && result !== process ? wrap(result, name) : result
    },
    // process.hrtime.bigint, process.memoryUsage.rss
    get: (_, key) => {
      const own = Object.hasOwn(value, key) && typeof key === 'string' ? value[key] : undefined
      return typeof own === 'function' ? faultyFunction(own, value, `${name}.${key}`) : value[key]
    },
  })
  originals.set(faulted, value)
  return faulted
}
const wrap = (object, label) =>
  new Proxy(object, {
    getOwnPropertyDescriptor: (target, key) => {
      const found = Object.getOwnPropertyDescriptor(target, key)
      const isFaulty = found?.configurable && label === 'node:v8' && typeof found.value === 'function'
      return isFaulty ? { ...found, value: faultyFunction(found.value, target, `${label}.${key}`) } : found
    },
    get: (target, key) => {
      const value = target[key]
      if (value === process.getBuiltinModule && value !== undefined) return requireFaulty
      // process.emit is what Node would have called without the guard, handlers of the app included.
      if (key === 'emit' || typeof value !== 'function' || typeof key === 'symbol') return value
      const name = `${label}.${key}`
      if (!/^[A-Z]/.test(key)) return faultyFunction(value, target, name)
      return new Proxy(value, {
        construct: (made, args) => {
          faulty(`new ${name}`)
          return wrap(new made(...args), name)
        },
      })
    },
  })
const faultyProcess = wrap(process, 'process')
// The guard's other files are given what preload.js is given.
const faultyVm = {
  compileFunction: (code, parameters, options) => {
    faulty('vm.compileFunction')
    const compiled = compileFunction(code, [...parameters, 'process'], options)
    return (...args) => compiled(...args, faultyProcess)
  },
}
const requireFaulty = name => (/^(node:)?vm$/.test(name) ? faultyVm : wrap(require(name), name))
// Behind another preload V8 would be asked at once.
requireFaulty.cache = {}

process.once('exit', () => FAULT_COUNT && writeSync(1, `called ${called.join()}\n`))

// What the guard takes of the globals while it loads.
const { setInterval, clearInterval } = globalThis
const { alloc, byteLength } = Buffer
const { now } = Date
globalThis.setInterval = faultyFunction(setInterval, globalThis, 'setInterval')
globalThis.clearInterval = faultyFunction(clearInterval, globalThis, 'clearInterval')
Buffer.alloc = faultyFunction(alloc, Buffer, 'Buffer.alloc')
Buffer.byteLength = faultyFunction(byteLength, Buffer, 'Buffer.byteLength')
Date.now = faultyFunction(now, Date, 'Date.now')
try {
  const parameters = ['require', 'module', 'process', '__filename', '__dirname']
  compileFunction(readFileSync(FAULT_GUARD, 'utf8'), parameters, { filename: FAULT_GUARD })(
    requireFaulty,
    { exports: {} },
    faultyProcess,
    FAULT_GUARD,
    dirname(FAULT_GUARD),
  )
} finally {
  Object.assign(globalThis, { setInterval, clearInterval })
  Object.assign(Buffer, { alloc, byteLength })
  Date.now = now
  Function.prototype.toString = textOf
}
