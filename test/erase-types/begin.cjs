// Required in each test process before all else: types are erased from TypeScript as it is loaded (hooks.mjs).
// The runner's own loader compiles instead, which takes some 1.5 s of CPU in each of more than a hundred processes. Its
// switch for erasing leaves that to Node, which can from 22 on; here the switch keeps the loader out, and end.mjs takes it
// back, since it would go on into NODE_OPTIONS.
const { register } = require('node:module')
const { pathToFileURL } = require('node:url')

process.env.TAP_TYPE_STRIP_ONLY = '1'
register('./hooks.mjs', pathToFileURL(__filename))
