// Builds what users run: dist/preload.js, one CommonJS file. Fails when something got in that must not be there.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

// All paths here are the project's, wherever this is run from. esbuild takes those it is given from the folder in which it
// was loaded, so it is loaded after that.
process.chdir(dirname(fileURLToPath(import.meta.url)))
const { build } = await import('esbuild')
const { buildCli } = await import('./cli/build.mjs')

const { version, description, license } = JSON.parse(readFileSync('package.json', 'utf8'))

/** What each file may weigh at most, minified. A quiet start loads preload.js and nothing else. */
const BUDGET_BYTES = {
  'preload.js': 10.75 * 1024,
  'gate.js': 2 * 1024,
  'boot.js': 28 * 1024,
  'watch.js': 48 * 1024,
  'evidence.js': 8 * 1024,
  'metrics.js': 12 * 1024,
  'record.js': 24 * 1024,
  'watchdog.js': 56 * 1024,
  'autosize.js': 24 * 1024,
}

mkdirSync('.cache', { recursive: true })
const made = mkdtempSync('.cache/build-')
process.on('exit', () => rmSync(made, { recursive: true, force: true }))
const common = {
  outdir: made,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  // Syntax that an older Node cannot parse would end every process with 1; es2019 parses from Node 12 on.
  target: 'es2019',
  minify: true,
  metafile: true,
  legalComments: 'none',
  // Endings that only names of our own have: neither a record's key nor a Node API's.
  mangleProps: /[a-z](Bytes|Percent|Ms)$/,
  define: { HEAPGUARD_VERSION: JSON.stringify(version) },
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
}
const built = []
// The files hand each other objects, so a name is shortened in the same way in all of them.
for (const [name, from, more] of [
  // Everything stands inside one try: on a Node that is too old for a `node:` import the app runs, in silence.
  ['preload', 'preload/main.ts', { banner: { js: '"use strict";try{' }, footer: { js: '}catch(e){}' } }],
  ['gate', 'preload/gate.ts', {}],
  ['boot', 'preload/boot.ts', {}],
  ['watch', 'preload/watch.ts', {}],
  ['evidence', 'preload/evidence/evidence.ts', {}],
  ['metrics', 'preload/metrics/metrics.ts', {}],
  ['record', 'preload/evidence/record.ts', {}],
  ['watchdog', 'preload/watchdog/watchdog.ts', {}],
  ['autosize', 'preload/autosize/autosize.ts', {}],
])
  built.push(
    await build({ ...common, ...more, entryPoints: { [name]: from }, mangleCache: { ...built.at(-1)?.mangleCache } }),
  )

const faults = []
for (const input of built.flatMap(({ metafile }) => Object.keys(metafile.inputs)))
  if (!input.startsWith('preload/')) faults.push(`${input} is not from preload/`)
for (const [file, { imports }] of built.flatMap(({ metafile }) => Object.entries(metafile.outputs))) {
  const name = basename(file)
  const text = compiledAtOnce(readFileSync(file, 'utf8'), name === 'preload.js')
  writeFileSync(file, text)
  const bytes = Buffer.byteLength(text)
  for (const { path } of imports) if (!path.startsWith('node:')) faults.push(`${name} imports ${path}`)
  const budget = BUDGET_BYTES[name]
  if (budget === undefined) faults.push(`${name} has no byte budget`)
  else if (bytes > budget) faults.push(`${name} is ${bytes} bytes, ${bytes - budget} over its budget of ${budget}`)
  console.log(`dist/${name}  ${bytes} bytes of ${budget}`)
}
if (faults.length > 0) {
  for (const fault of faults) console.error(`build: ${fault}`)
  process.exit(1)
}

await buildCli(made)

// A package.json of type "module" anywhere above would turn the bundle into ESM and end every node process with 1.
const sibling = {
  name: 'heapguard',
  version,
  description,
  license,
  type: 'commonjs',
  main: './preload.js',
  bin: './heapguard.js',
}
writeFileSync(join(made, 'package.json'), `${JSON.stringify(sibling, null, 2)}\n`)

// Whoever runs the bundle meanwhile, a test or a container that has the folder mounted, finds each file at any time: the
// new one takes the old one's place in one step.
mkdirSync('dist', { recursive: true })
const files = readdirSync(made)
for (const name of readdirSync('dist'))
  if (!files.includes(name)) rmSync(join('dist', name), { recursive: true, force: true })
for (const name of files) renameSync(join(made, name), join('dist', name))

/**
 * V8 skims a function before it compiles it, but for an expression in parentheses: in the file that every start reads, the
 * functions that every start calls, which begin with the words 'at start', become such. In all files the words go.
 */
function compiledAtOnce(text, isReadAtStart) {
  const edits = []
  const visit = node => {
    const [first] = (ts.isFunctionDeclaration(node) && node.body.statements) || []
    if (first !== undefined && ts.isExpressionStatement(first) && first.expression.text === 'at start') {
      const opening = `var ${node.name.text}=(function`
      if (isReadAtStart) edits.push([node.getStart(), node.name.end, opening])
      edits.push([first.pos, first.end, ''])
      if (isReadAtStart) edits.push([node.end, node.end, ');'])
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true))
  // One function may stand in another.
  edits.sort(([one], [other]) => one - other)
  return edits.reduceRight((all, [from, to, by]) => all.slice(0, from) + by + all.slice(to), text)
}
