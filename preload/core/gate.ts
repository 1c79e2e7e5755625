// Which processes the guard runs in. NODE_OPTIONS reaches every node process; when in doubt: silence. Asked before anything
// else is read or loaded, at every start of every Node: plain conditions, the cheapest and the most absolute first.

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

const stayAway = (reason: string): Gate => ({ kind: 'stay-away', reason })

/** Run here, or stay away and why. */
export function gateOf(facts: ProcessFacts): Gate {
  const { versions, scriptPath } = facts
  if (!facts.enabled) return stayAway('HEAPGUARD_ENABLED is off')
  if (facts.alreadyLoaded) return stayAway('it runs in this process already')
  if (facts.isWorkerThread) return stayAway('a worker thread')
  if ('electron' in versions || 'bun' in versions || 'deno' in versions) return stayAway('not Node.js')
  if (!(Number.parseInt(versions.node ?? '', 10) >= OLDEST_NODE_MAJOR))
    return stayAway(`Node.js older than ${OLDEST_NODE_MAJOR}`)
  if (facts.testContext) return stayAway('a file under node --test')
  // Its other form is --build-snapshot-config.
  if (facts.execArgv.some(arg => arg.startsWith('--build-snapshot'))) return stayAway('a snapshot is being built')
  return scriptPath === undefined ? { kind: 'run' } : gateOfScript(scriptPath)
}

/** What the names of all scripts below have one of: the patterns themselves are for scripts that do. */
const HINTS = ['np', 'yarn', 'corepack', 'gyp', 'heapguard']

/**
 * Package managers' own processes, by the script that node was given: a bare command name (the link in a bin folder),
 * or the file inside the package that it leads to. An app's own /srv/yarn.js is none of them.
 */
function gateOfScript(path: string): Gate {
  if (!HINTS.some(hint => path.includes(hint))) return { kind: 'run' }
  if (/[\\/]heapguard(\.js)?$/.test(path)) return stayAway("heapguard's own command line")
  const scripts = [
    /(^|[\\/])(npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack|node-gyp)$/,
    /[\\/](npm|npx)-cli\.js$/,
    /[\\/](npm|corepack|pnpm|node-gyp)[\\/](bin|dist)[\\/][\w-]+\.[cm]?js$/,
    /[\\/]corepack[\\/].*[\\/](yarn|pnpm)\b.*\.[cm]?js$/,
    /[\\/]yarn(-v?[\d.]+)?[\\/](bin|lib)[\\/](yarn|yarnpkg|cli)\.js$/,
    /[\\/]\.yarn[\\/]releases[\\/]yarn-[\w.-]+\.[cm]?js$/,
    // npm runs node-gyp as node_modules/node-gyp/bin/node-gyp.js, and its own steps through these two helpers.
    /[\\/]@npmcli[\\/]run-script[\\/]/,
  ]
  return scripts.some(script => script.test(path)) ? stayAway("a package manager's own process") : { kind: 'run' }
}
