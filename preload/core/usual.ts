// Is this the start of an app, beyond any doubt? Asked at every start of every Node, so in one look: where the answer is
// no, the gate decides (gate.ts); test/core/usual.test.ts holds the two to each other.

/**
 * true: the gate would let the guard in. false: it may not. `versions`: process.versions; `scriptPath`: process.argv[1];
 * `command`: process.execArgv with a space between two; `testContext`: NODE_TEST_CONTEXT.
 */
export function isUsual(
  versions: Readonly<Record<string, string | undefined>>,
  scriptPath: string | undefined,
  command: string,
  testContext: string | undefined,
): boolean {
  'at start'
  return (
    !(versions.electron || versions.bun || versions.deno || testContext) &&
    Number.parseInt(versions.node || '', 10) >= 20 &&
    !command.includes('--build-snapshot') &&
    // What the names of all scripts that the gate knows have one of.
    !(scriptPath && /np|yarn|corepack|gyp|heapguard/.test(scriptPath))
  )
}
