// Builds dist/heapguard.js: the command line, one CommonJS file with all that it needs.
import { chmodSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { build, transform } from 'esbuild'

/** What it may weigh at most. It is not the preload: start-up of the app never reads it. */
const BUDGET_BYTES = 192 * 1024

/** Builds the bundle into a folder; rejects when it is over its budget or imports what is not Node's own. */
export async function buildCli(folder) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const page = await buildPage()
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
    define: { HEAPGUARD_VERSION: JSON.stringify(version), ...page },
  })
  for (const [file, { bytes, imports }] of Object.entries(metafile.outputs)) {
    for (const { path } of imports)
      if (!path.startsWith('node:') && !NODE_MODULES.includes(path)) throw new Error(`${file} imports ${path}`)
    if (bytes > BUDGET_BYTES) throw new Error(`${file} is ${bytes} bytes, over its budget of ${BUDGET_BYTES}`)
    console.log(`dist/${basename(file)}  ${bytes} bytes of ${BUDGET_BYTES}`)
    chmodSync(file, 0o755)
  }
}

/** What the report's page carries: its script with uPlot in it, and its style, each as a text of the bundle. */
async function buildPage() {
  const { outputFiles } = await build({
    entryPoints: { script: 'cli/page/client.ts' },
    outdir: 'page',
    bundle: true,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    write: false,
  })
  const { code: style } = await transform(
    readFileSync('node_modules/uplot/dist/uPlot.min.css', 'utf8') + readFileSync('cli/page/style.css', 'utf8'),
    { loader: 'css', minify: true },
  )
  const script = outputFiles[0].text
  // Neither may end the element that it stands in.
  if (/<\/(script|style)/i.test(script + style)) throw new Error('the page holds an end tag')
  return { PAGE_SCRIPT: JSON.stringify(script), PAGE_STYLE: JSON.stringify(style) }
}

// The bundled libraries name Node's own modules without the prefix.
const NODE_MODULES = ['tty', 'util', 'os']
