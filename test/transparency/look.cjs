// What code inside a case can see of its process. A case calls look('a label'); the answers go to the file that
// GUARD_TEST_LOOK names, one line each. Everything is taken at load, so that a case may break what it likes afterwards.
const { appendFileSync, closeSync, openSync, readFileSync } = require('node:fs')
const { stringify } = JSON
const { min } = Math
const { wait } = Atomics
const never = new Int32Array(new SharedArrayBuffer(4))
const { GUARD_TEST_LOOK } = process.env
const cache = require.cache

const nameOf = listener => listener.name
const shapeOf = (object, key) => {
  const own = Object.getOwnPropertyDescriptor(object, key)
  return own === undefined ? 'none' : 'value' in own ? `a ${typeof own.value}` : 'an accessor'
}
const quietly = read => {
  try {
    return read()
  } catch (error) {
    return error.code
  }
}

/** The flags of a descriptor, as the kernel has them. */
const flagsOf = fd => quietly(() => /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))[1])
/**
 * The number that the app's next file gets: the least of a few, since a thread of V8's may have one for a moment. With or
 * without a guard, glibc reads /proc/sys/vm/overcommit_memory there when memory is given back.
 */
const nextDescriptor = () =>
  quietly(() => {
    let least = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 5; tries++) {
      if (tries > 0) wait(never, 0, 0, 1)
      const fd = openSync('/dev/null', 'r')
      closeSync(fd)
      least = min(least, fd)
    }
    return least
  })

exports.look = label => {
  const listeners = {}
  for (const event of process.eventNames())
    listeners[String(event)] = {
      count: process.listenerCount(event),
      names: process.listeners(event).map(nameOf),
      raw: process.rawListeners(event).map(nameOf),
    }
  const seen = {
    label,
    events: process.eventNames().map(String),
    listeners,
    most: process.getMaxListeners(),
    resources: process.getActiveResourcesInfo().sort(),
    handles: process
      ._getActiveHandles()
      .map(handle => handle.constructor.name)
      .sort(),
    requests: process._getActiveRequests().length,
    process: Reflect.ownKeys(process).map(String),
    shapes: ['emit', 'on', 'listenerCount', 'exit', 'kill', 'stdout', 'stderr'].map(key => shapeOf(process, key)),
    prototype: Reflect.ownKeys(Object.getPrototypeOf(process)).map(String),
    globals: Reflect.ownKeys(globalThis).map(String),
    intrinsics: [
      Object,
      Object.prototype,
      Function.prototype,
      Array.prototype,
      Error,
      Error.prototype,
      Date,
      JSON,
      Buffer,
    ].map(object => Reflect.ownKeys(object).map(String).join()),
    env: { ...process.env },
    argv: process.argv.slice(1),
    execArgv: process.execArgv,
    title: process.title,
    exitCode: String(process.exitCode),
    errors: [Error.stackTraceLimit, typeof Error.prepareStackTrace],
    report: quietly(() => ({ fatal: process.report.reportOnFatalError, signal: process.report.reportOnSignal })),
    cwd: quietly(() => process.cwd()),
    umask: quietly(() => process.umask()),
    cache: Object.keys(cache),
    flags: [0, 1, 2].map(flagsOf),
    nextDescriptor: nextDescriptor(),
  }
  appendFileSync(GUARD_TEST_LOOK, `${stringify(seen)}\n`)
}
