// Figures as Markdown.

export const fixed = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : '')

/** `33.1 (32.7-33.9)`: the median and the quartiles. */
export const spreadText = ({ median, q1, q3 }, digits = 1) =>
  `${fixed(median, digits)} (${fixed(q1, digits)}-${fixed(q3, digits)})`

/** `1.012 [1.003, 1.020]`: the ratio and its 95 % interval. */
export const ratioText = ({ ratio, low, high }) => `${fixed(ratio, 3)} [${fixed(low, 3)}, ${fixed(high, 3)}]`

/** A Markdown table; the first column is text, the others are figures. */
export function table(heading, columns, rows, notes = []) {
  const line = cells => `| ${cells.map(cell => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  const rule = line(columns.map((_, index) => (index === 0 ? '---' : '---:')))
  return [`### ${heading}`, '', line(columns), rule, ...rows.map(line), '', ...notes.flatMap(note => [note, ''])].join(
    '\n',
  )
}
