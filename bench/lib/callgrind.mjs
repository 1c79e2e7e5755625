// What callgrind has counted of one thread.

/** Of the text of a dump: instructions in all, and how often each function was called, by name. Throws where it holds no total. */
export function readCounts(text) {
  const [, total] = /^totals: (\d+)/m.exec(text) ?? []
  if (total === undefined) throw new Error('it holds no total')
  const names = new Map()
  const calls = new Map()
  let callee
  for (const line of text.split('\n')) {
    // A name is written once: `fn=(7) main`, from then on `fn=(7)`.
    const [, kind, id, name] = /^(c?fn)=\((\d+)\)(?: (.*))?$/.exec(line) ?? []
    if (name !== undefined) names.set(id, name)
    if (kind === 'cfn') callee = names.get(id)
    const [, count] = /^calls=(\d+) /.exec(line) ?? []
    if (count !== undefined) calls.set(callee, (calls.get(callee) ?? 0) + Number(count))
  }
  return { instructions: Number(total), calls }
}

/** V8's builtins that look a property up, which compiled code calls where it has seen objects of too many shapes. */
const SLOW_LOAD = /^Builtins_(Keyed)?LoadIC(_Megamorphic)?('\d+)?$/

/** How many properties were looked up so. */
export const slowLoads = calls =>
  [...calls].reduce((sum, [name, count]) => (SLOW_LOAD.test(name ?? '') ? sum + count : sum), 0)
