// NODE_OPTIONS cut into words exactly as Node cuts it.

/**
 * The words of NODE_OPTIONS, after ParseNodeOptionsEnvVar in Node's src/node_options.cc: words end at a space (no other
 * white space), double quotes group, a backslash escapes the next character inside double quotes only, single quotes
 * mean nothing. An empty pair of quotes is no word. Returns undefined for what Node refuses to start with (exit 9): an
 * unterminated quote, a backslash at the end of one. Never throws.
 */
export function splitNodeOptions(text: string): readonly string[] | undefined {
  const words: string[] = []
  let word = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    let char = text.charAt(at)
    if (char === '"') {
      quoted = !quoted
      continue
    }
    if (char === ' ' && !quoted) {
      if (word !== '') words.push(word)
      word = ''
      continue
    }
    // Past the end charAt gives '', so the quote stays open and the answer is undefined, as it must be.
    if (char === '\\' && quoted) char = text.charAt(++at)
    word += char
  }
  if (word !== '') words.push(word)
  return quoted ? undefined : words
}
