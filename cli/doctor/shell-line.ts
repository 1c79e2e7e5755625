// `sh -c 'node server.js'`: the one simple command that a shell's line may be.

/** Whatever a shell would do more than split words by: expansions, lists, pipes, redirections, groups, comments. */
const MORE_THAN_WORDS = /[$`|&;<>()*?[\]{}~#!\n]/

/** The words of a simple command; undefined where the line is, or may be, anything else. */
export function simpleCommand(line: string): readonly string[] | undefined {
  const words: string[] = []
  const pieces = /[ \t]+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^ \t'"\\]+)/gy
  let isInWord = false
  let at = 0
  for (const [piece, single, double, escaped, bare] of line.trim().matchAll(pieces)) {
    at += piece.length
    const text = single ?? unescaped(double) ?? escaped ?? bare
    if (text === undefined) {
      isInWord = false
      continue
    }
    if (bare !== undefined && MORE_THAN_WORDS.test(bare)) return undefined
    if (double !== undefined && /[$`]/.test(double.replace(/\\./g, ''))) return undefined
    if (!isInWord) words.push('')
    words.push(words.pop() + text)
    isInWord = true
  }
  return at === line.trim().length ? words : undefined
}

const unescaped = (double: string | undefined): string | undefined => double?.replace(/\\(["\\$`])/g, '$1')
