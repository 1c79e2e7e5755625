// core decides and touches nothing: no library of Node's, no process, no clock, no chance. host acts with the help of core
// and of nothing above it, whose types alone it may name. So every rule can be tested with a literal.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

/** What a file of core may not name, unless it is its own (a parameter, an import, a property). */
const EFFECTS = new Set([
  ...['process', 'globalThis', 'global', 'console', 'Buffer', 'require', 'module', 'eval', 'Function', 'import.meta'],
  ...['Date', 'performance', 'Math.random', 'crypto', 'fetch', 'queueMicrotask', 'structuredClone'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
])

interface Layer {
  readonly folder: string
  readonly imports: RegExp
  /** core: types of others count as imports too, and no effect may be named. */
  readonly isPure: boolean
}

const CORE: Layer = { folder: 'preload/core', imports: /^\.\/[\w-]+\.ts$/, isPure: true }
const HOST: Layer = { folder: 'preload/host', imports: /^(\.|\.\.\/core)\/[\w-]+\.ts$|^node:/, isPure: false }

/** The breaches of a file, each with its line. */
function breaches(text: string, { imports, isPure }: Layer): string[] {
  const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const tell = (node: ts.Node, what: string) =>
    found.push(`line ${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`)
  const own = declaredIn(file)

  const visit = (node: ts.Node): void => {
    const from = specifierOf(node)
    if (from !== undefined && !imports.test(from) && (isPure || !isOfTypesAlone(node))) tell(node, `imports ${from}`)
    if (isPure) {
      const name = nameOf(node)
      if (name !== undefined && EFFECTS.has(name) && !own.has(name)) tell(node, name)
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) tell(node, 'import()')
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** `import … from 'x'`, `export … from 'x'`, `typeof import('x')`, `require('x')`. */
function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal)
  const isRequire =
    ts.isCallExpression(node) && (node.expression.getText() === 'require' || node.expression.getText() === 'import')
  return isRequire ? textOf(node.arguments[0]) : undefined
}

const isOfTypesAlone = (node: ts.Node) =>
  ts.isImportTypeNode(node) ||
  (ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)

const textOf = (node: ts.Node | undefined) => (node !== undefined && ts.isStringLiteral(node) ? node.text : undefined)

/** The global that a node names, if it names one; not the key of an object and not a property of something else. */
function nameOf(node: ts.Node): string | undefined {
  if (ts.isMetaProperty(node)) return node.getText()
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) return node.getText()
  // Taken apart or handed on, Math is random too.
  if (ts.isIdentifier(node) && node.text === 'Math' && !ts.isPropertyAccessExpression(node.parent)) return 'Math.random'
  if (!ts.isIdentifier(node)) return undefined
  const { parent } = node
  const isKey =
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    ts.isPropertySignature(parent) ||
    (ts.isBindingElement(parent) && parent.propertyName === node) ||
    ts.isTypeReferenceNode(parent)
  return isKey ? undefined : node.text
}

function declaredIn(file: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const isDeclaration =
      ts.isParameter(node) || ts.isVariableDeclaration(node) || ts.isBindingElement(node) || ts.isImportSpecifier(node)
    if (isDeclaration && ts.isIdentifier(node.name)) names.add(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return names
}

for (const layer of [CORE, HOST])
  t.test(layer.folder, async t => {
    const { folder } = layer
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    t.ok(files.length > 5, 'there are files to look at')
    for (const name of files) {
      t.match(name, /^[\w-]+\.ts$/, 'one level of TypeScript and nothing else')
      t.same(breaches(readFileSync(join(folder, name), 'utf8'), layer), [], name)
    }
  })

t.test('the rule itself', async t => {
  const table: readonly (readonly [text: string, want: readonly string[], layer?: Layer])[] = [
    ["import { a } from './units.ts'", []],
    ["import type { a } from '../host/host.ts'", ['line 1: imports ../host/host.ts']],
    ["import fs from 'node:fs'", ['line 1: imports node:fs']],
    ["export * from 'fs'", ['line 1: imports fs']],
    ["type V8 = typeof import('node:v8')", ['line 1: imports node:v8']],
    ["const { a } =\n  require('./units.ts')", ['line 2: require']],
    ["const a = import('./units.ts')", ['line 1: import()']],
    ['const now = Date.now()', ['line 1: Date']],
    ['const now = new Date()', ['line 1: Date']],
    ['const chance = Math.random()', ['line 1: Math.random']],
    ['const whole = Math.round(1.5)', []],
    ['const { random } = Math', ['line 1: Math.random']],
    ['process.exit()', ['line 1: process']],
    ['const { env } = process', ['line 1: process']],
    ['globalThis.x = 1', ['line 1: globalThis']],
    ['const log = { ...console }', ['line 1: console']],
    ['const tick = { setTimeout }', ['line 1: setTimeout']],
    ["const here = import.meta.url\nconst s = 'process and Date'", ['line 1: import.meta']],
    ['const f = (process: Facts) => process.version', []],
    ['const cause = { process: 1 }\nconst a = cause.process', []],
    ['// process, Date', []],
    ["import { a } from '../core/units.ts'\nimport { b } from './log.ts'\nimport c from 'node:fs'", [], HOST],
    ["import { a } from '../boot.ts'", ['line 1: imports ../boot.ts'], HOST],
    ["import { a } from '../evidence/recorder.ts'", ['line 1: imports ../evidence/recorder.ts'], HOST],
    ["const a = require('fs')", ['line 1: imports fs'], HOST],
    ["import type { a } from '../boot.ts'\ntype B = typeof import('../watch.ts')", [], HOST],
    ['const now = Date.now()', [], HOST],
  ]
  for (const [text, want, layer = CORE] of table) t.same(breaches(text, layer), want, text)
})
