// The JSON objects in a line of a log.

export type Fields = Readonly<Record<string, unknown>>

export interface FoundObject {
  readonly fields: Fields
  /** Where in the line it begins. */
  readonly at: number
}

/** A line of nothing but braces and quotes is nobody's; a record has some hundred. */
const MOST_TRIES = 10
const MOST_MARKS = 2000

/**
 * The objects in a line, from its beginning on. Most lines are one, with or without something in front; where text with
 * braces stands before or after it each `{` is tried as the beginning of one. Never throws.
 */
export function* objectsIn(line: string): Generator<FoundObject> {
  let at = line.indexOf('{')
  if (at < 0) return
  const whole = parseObject(line.slice(at, line.lastIndexOf('}') + 1))
  if (whole !== undefined) {
    yield { fields: whole, at }
    return
  }
  for (let tries = 0; at >= 0 && tries < MOST_TRIES; tries++) {
    const end = endOf(line, at)
    const fields = end === undefined ? undefined : parseObject(line.slice(at, end))
    if (fields !== undefined) yield { fields, at }
    at = line.indexOf('{', fields === undefined ? at + 1 : end)
  }
}

/** Behind the brace that closes the one at `at`; braces in texts do not count. */
function endOf(line: string, at: number): number | undefined {
  const marks = /["{}]/g
  let depth = 0
  marks.lastIndex = at
  for (let passed = 0; passed < MOST_MARKS; passed++) {
    const mark = marks.exec(line)?.[0]
    if (mark === undefined) return undefined
    if (mark === '"') {
      const text = /(?:[^"\\]|\\.)*"/sy
      text.lastIndex = marks.lastIndex
      if (!text.test(line)) return undefined
      marks.lastIndex = text.lastIndex
    } else depth += mark === '{' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return undefined
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON: a line of somebody else's
  }
}

/** Neither null nor an array. */
export const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
