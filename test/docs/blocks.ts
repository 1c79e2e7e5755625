// The commands of a page: its fenced blocks with the language `sh`.

export interface Block {
  /** The line of the page where the commands begin. */
  readonly line: number
  readonly commands: string
  /** From a last line `# exits with 1`; else 0. */
  readonly status: number
}

/** Every `sh` block of a markdown page; a fence of any other language is not for running. */
export function blocksIn(page: string): readonly Block[] {
  const blocks: Block[] = []
  let start: number | undefined
  let isOther = false
  const lines = page.split('\n')
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('```')) continue
    if (start !== undefined) {
      const commands = lines.slice(start, index).join('\n')
      const status = Number(/^# exits with (\d+)$/m.exec(commands)?.[1] ?? 0)
      blocks.push({ line: start + 1, commands, status })
      start = undefined
    } else if (isOther) isOther = false
    else if (line === '```sh') start = index + 1
    else isOther = true
  }
  return blocks
}
