// Imported in each test process when the runner's own imports are done: see begin.cjs.
delete process.env.TAP_TYPE_STRIP_ONLY
