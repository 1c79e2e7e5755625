// What is to be judged: what would be started here, a command, or a running process.
import { readlinkSync } from 'node:fs'
import type { ReadText } from '../../preload/core/cgroup.ts'
import type { DoctorCommand } from '../arguments.ts'
import { nulTerminated, readText, readTextOf, variablesIn } from '../machine.ts'
import { type CommandLine, parseCommandLine, variablesOf } from './command-line.ts'

export interface Subject {
  readonly kind: 'here' | 'command' | 'process'
  /** Of a process. */
  readonly pid?: number
  /** For a headline: `node server.js`, `pid 7 (node server.js)`. */
  readonly title: string
  readonly commandLine: CommandLine
  /** The programs that were asked about and stand in front of this process, the outermost first. */
  readonly behind?: readonly string[]
  /** The node binary to ask. */
  readonly program: string
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly nodeOptions: string | undefined
  readonly readText: ReadText
  /** It lives in this process's own memory group, so that a fresh node sees the memory that it saw. */
  readonly sharesGroup: boolean
}

export type Found = { readonly kind: 'found'; readonly subject: Subject } | { readonly kind: 'none'; reason: string }

/** Finds the subject and everything that its start depends on. Never throws. */
export function findSubject(command: DoctorCommand): Found {
  if (command.pid !== undefined) return findProcess(command.pid, command.nodeOptions)
  const commandLine = parseCommandLine(command.command ?? [])
  const variables = variablesOf(commandLine, process.env)
  return {
    kind: 'found',
    subject: {
      kind: command.command === undefined ? 'here' : 'command',
      title: command.command?.join(' ') ?? 'a node process started here',
      commandLine,
      program: commandLine.node ?? process.execPath,
      variables,
      nodeOptions: command.nodeOptions ?? variables.NODE_OPTIONS,
      readText,
      sharesGroup: true,
    },
  }
}

function findProcess(pid: number, nodeOptions: string | undefined): Found {
  let words: readonly string[]
  let variables: Readonly<Record<string, string>>
  try {
    const cmdline = readText(`/proc/${pid}/cmdline`)
    if (cmdline === undefined) return { kind: 'none', reason: `there is no process ${pid}` }
    words = nulTerminated(cmdline)
    if (words.length === 0)
      return { kind: 'none', reason: `process ${pid} has no command line: it is the kernel's, or dead` }
    variables = variablesIn(readText(`/proc/${pid}/environ`) ?? '')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { kind: 'none', reason: `process ${pid} cannot be looked at (${code}): run this as its user, or as root` }
  }
  const commandLine = parseCommandLine(words)
  const title = `pid ${pid} (${words.join(' ').trim().slice(0, 80)})`
  const isNode = commandLine.node !== undefined || isNodeBinary(pid)
  if (!isNode && (commandLine.launcher ?? 'sh') === 'sh') return { kind: 'none', reason: `${title} is no node process` }
  return {
    kind: 'found',
    subject: {
      kind: 'process',
      pid,
      title,
      commandLine,
      // The very binary, whatever its name leads to by now.
      program: isNode ? `/proc/${pid}/exe` : process.execPath,
      variables,
      nodeOptions: nodeOptions ?? variables.NODE_OPTIONS,
      readText: readTextOf(pid, readText),
      sharesGroup: groupOf(pid) === groupOf('self'),
    },
  }
}

/** A process that has set its title shows that in place of its command line. */
function isNodeBinary(pid: number): boolean {
  try {
    return /(^|\/)node(js)?$/.test(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
  } catch {
    return false // not ours to look at, so not known to be node
  }
}

function groupOf(pid: number | 'self'): string | undefined {
  const memory = readText(`/proc/${pid}/cgroup`)
    ?.split('\n')
    .filter(line => /^\d+:([^:]*,)?memory[,:]|^0::/.test(line))
  return memory?.join('\n')
}
