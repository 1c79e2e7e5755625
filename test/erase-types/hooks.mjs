// Loads TypeScript with blanks where the types were: lines and columns stay, so that neither coverage nor a stack needs a
// source map. What was erased once is kept by its content, as the compiler's parser is what takes the time.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../.cache/erased/', import.meta.url))
const { version } = createRequire(import.meta.url)('ts-blank-space/package.json')

/** A hook of node:module: TypeScript is this loader's, everything else the next one's. */
export async function load(url, context, next) {
  if (!/^file:[^?#]*\.ts$/.test(url)) return next(url, context)
  return { format: 'module', shortCircuit: true, source: await erase(url) }
}

async function erase(url) {
  const text = readFileSync(new URL(url), 'utf8')
  const kept = `${folder}${createHash('sha256').update(`${version}\n${text}`).digest('hex')}.js`
  try {
    return readFileSync(kept, 'utf8')
  } catch {
    // Not erased yet.
  }
  const { default: blankSpace } = await import('ts-blank-space')
  const faults = []
  const erased = blankSpace(text, node => faults.push(text.slice(node.pos, node.end).trim().split('\n', 1)[0]))
  if (faults.length > 0) throw new SyntaxError(`${url}: more than a type, so it cannot be erased: ${faults.join('; ')}`)
  mkdirSync(folder, { recursive: true })
  // In one step: other test processes look for it too.
  const made = `${kept}.${process.pid}`
  writeFileSync(made, erased)
  renameSync(made, kept)
  return erased
}
