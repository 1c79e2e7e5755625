// What is to be judged: what would be started here, a command, or a running process.
import type { ReadText } from '../../preload/core/cgroup.ts'
import type { DoctorCommand } from '../arguments.ts'
import { readText } from '../machine.ts'
import { type CommandLine, parseCommandLine, variablesOf } from './command-line.ts'
import { findProcess } from './running.ts'

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
