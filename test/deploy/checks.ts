// What the recipes are checked against: schemas and types of those who read them, installed in this folder alone.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import ts from 'typescript'

const here = resolve('test/deploy')
const require = createRequire(join(here, 'package.json'))

/** Why they cannot be checked here; undefined: they can. */
export const missing: string | undefined = existsSync(join(here, 'node_modules/.package-lock.json'))
  ? undefined
  : 'node setup.mjs test/deploy was not run'

// Whatever a package of that folder exports; the project itself is compiled without it.
// biome-ignore lint/suspicious/noExplicitAny: it is not installed when this is compiled
export const load = (name: string): any => require(name)

export type Json = Readonly<Record<string, unknown>>

/** The documents of a YAML file or of such a text. */
export const documents = (text: string): Json[] =>
  load('yaml')
    .parseAllDocuments(text)
    .map((document: { errors: Error[]; toJS: () => Json }) => {
      if (document.errors[0]) throw document.errors[0]
      return document.toJS()
    })

export const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8'))

/**
 * Compiles `const x: TYPE = VALUE` and returns what the compiler says: also a key that the type does not know, which a
 * Kubernetes schema lets pass. `imports`: the line that brings the type.
 */
export function typeFaults(imports: string, type: string, value: unknown): readonly string[] {
  const path = join(here, 'checked.ts')
  const text = `${imports}\nexport const checked: ${type} = ${JSON.stringify(value, null, 2)}\n`
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
  }
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, getSourceFile } = host
  host.fileExists = name => name === path || fileExists.call(host, name)
  host.readFile = name => (name === path ? text : readFile.call(host, name))
  host.getSourceFile = (name, ...more) =>
    name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile.call(host, name, ...more)
  const program = ts.createProgram([path], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

/** Whether a program is there, by how it answers. */
export const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0
