// The commands of a page: its fenced blocks with the language `sh`, and what stands in its sentences.

export interface Block {
  /** The line of the page where the commands begin. */
  readonly line: number
  readonly commands: string
  /** From a last line `# exits with 1`; else 0. */
  readonly status: number
  /** `# runs until Ctrl+C`. */
  readonly runsOn: boolean
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
      blocks.push({ line: start + 1, commands, status, runsOn: /^# runs until Ctrl\+C$/m.test(commands) })
      start = undefined
    } else if (isOther) isOther = false
    else if (line === '```sh') start = index + 1
    else isOther = true
  }
  return blocks
}

/** Commands that a page names outside of its blocks of commands: in its sentences, in blocks of no language. */
export function namedIn(page: string): readonly string[] {
  const prose = page.replace(/^```sh\n.*?^```$/gms, '')
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
  const lines = [...prose.matchAll(/^```\n(.*?)^```$/gms)].flatMap(([, text = '']) => text.split('\n'))
  return [...spans, ...lines].filter(text => /^(docker|npm|npx|node|kubectl|git) /.test(text))
}
