// Builds dist/heapguard.js: the command line, one CommonJS file with all that it needs.
import { chmodSync, readFileSync } from 'node:fs'
import { build } from 'esbuild'

/** What it may weigh at most. It is not the preload: start-up of the app never reads it. */
const BUDGET_BYTES = 160 * 1024

/** Builds the bundle into a folder; rejects when it is over its budget or imports what is not Node's own. */
export async function buildCli(folder = 'dist') {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const { metafile } = await build({
    entryPoints: { heapguard: 'cli/main.ts' },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    metafile: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    define: { HEAPGUARD_VERSION: JSON.stringify(version) },
  })
  for (const [file, { bytes, imports }] of Object.entries(metafile.outputs)) {
    for (const { path } of imports)
      if (!path.startsWith('node:') && !NODE_MODULES.includes(path)) throw new Error(`${file} imports ${path}`)
    if (bytes > BUDGET_BYTES) throw new Error(`${file} is ${bytes} bytes, over its budget of ${BUDGET_BYTES}`)
    console.log(`${file}  ${bytes} bytes of ${BUDGET_BYTES}`)
    chmodSync(file, 0o755)
  }
}

// The bundled libraries name Node's own modules without the prefix.
const NODE_MODULES = ['tty', 'util', 'os']
