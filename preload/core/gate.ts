// Which processes the guard runs in. NODE_OPTIONS reaches every node process; when in doubt: silence.

/** What is known of this process before anything else is read or loaded. */
export interface ProcessFacts {
  /** HEAPGUARD_ENABLED, already parsed. */
  readonly enabled: boolean
  readonly alreadyLoaded: boolean
  readonly isWorkerThread: boolean
  /** process.versions. */
  readonly versions: Readonly<Record<string, string | undefined>>
  /** process.argv[1]: the script, absent under -e, -p and a REPL. */
  readonly scriptPath: string | undefined
  readonly execArgv: readonly string[]
  /** NODE_TEST_CONTEXT, which `node --test` sets for each file that it runs. */
  readonly testContext: string | undefined
}

export type Gate = { readonly kind: 'run' } | { readonly kind: 'stay-away'; readonly reason: string }

/** The oldest Node that the bundle's library calls exist in. */
const OLDEST_NODE_MAJOR = 20

/**
 * Package managers' own processes, by the script that node was given: a bare command name (the link in a bin folder),
 * or the file inside the package that it leads to. An app's own /srv/yarn.js is none of them.
 */
const PACKAGE_MANAGER_SCRIPTS: readonly RegExp[] = [
  /(^|[\\/])(npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack|node-gyp)$/,
  /[\\/](npm|npx)-cli\.js$/,
  /[\\/](npm|corepack|pnpm|node-gyp)[\\/](bin|dist)[\\/][\w-]+\.[cm]?js$/,
  /[\\/]corepack[\\/].*[\\/](yarn|pnpm)\b.*\.[cm]?js$/,
  /[\\/]yarn(-v?[\d.]+)?[\\/](bin|lib)[\\/](yarn|yarnpkg|cli)\.js$/,
  /[\\/]\.yarn[\\/]releases[\\/]yarn-[\w.-]+\.[cm]?js$/,
  // npm runs node-gyp as node_modules/node-gyp/bin/node-gyp.js, and its own steps through these two helpers.
  /[\\/]@npmcli[\\/]run-script[\\/]/,
]

/** In this order: the cheapest and the most absolute first. */
const RULES: readonly (readonly [reason: string, holds: (facts: ProcessFacts) => boolean])[] = [
  ['HEAPGUARD_ENABLED is off', f => !f.enabled],
  ['it runs in this process already', f => f.alreadyLoaded],
  ['a worker thread', f => f.isWorkerThread],
  ['not Node.js', f => ['electron', 'bun', 'deno'].some(other => other in f.versions)],
  [`Node.js older than ${OLDEST_NODE_MAJOR}`, f => !(Number.parseInt(f.versions.node ?? '', 10) >= OLDEST_NODE_MAJOR)],
  ['a file under node --test', f => Boolean(f.testContext)],
  ['a snapshot is being built', f => f.execArgv.some(arg => arg.startsWith('--build-snapshot'))],
  ["heapguard's own command line", f => /[\\/]heapguard(\.js)?$/.test(f.scriptPath ?? '')],
  ["a package manager's own process", f => PACKAGE_MANAGER_SCRIPTS.some(script => script.test(f.scriptPath ?? ''))],
]

/** Run here, or stay away and why. */
export function gateOf(facts: ProcessFacts): Gate {
  const rule = RULES.find(([, holds]) => holds(facts))
  return rule === undefined ? { kind: 'run' } : { kind: 'stay-away', reason: rule[0] }
}
