// Sentences for a terminal.

const STICKY = '\u00a0'

/**
 * Text broken at spaces so that no line is wider; lines after the first begin with `indent`. Long words stay whole, and a
 * number stays with its unit.
 */
export function wrapped(text: string, columns: number, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.replace(/(\d) (MB\b|%|s\b)/g, `$1${STICKY}$2`).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n').replaceAll(STICKY, ' ')
}

/** A piece of a text that is not to be broken. */
export const whole = (text: string): string => text.replaceAll(' ', STICKY)
