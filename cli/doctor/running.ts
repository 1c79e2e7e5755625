// A running process as what is to be judged.
import { nulTerminated, readText, readTextOf, variablesIn } from '../machine.ts'
import { parseNodeProcess } from './command-line.ts'
import { isNodeProcess, listProcesses, nearestNodes } from './processes.ts'
import type { Found } from './subject.ts'

/** The subject of --pid. Where that is an init or a shell, it is the one node process behind it. Never throws. */
export function findProcess(pid: number, nodeOptions: string | undefined): Found {
  const seen = lookAt(pid)
  if (seen.kind === 'none') return seen
  if (isNodeProcess(pid)) return found(pid, seen, [], nodeOptions)
  const nodes = nearestNodes(pid, listProcesses(readText), isNodeProcess, process.pid)
  const [node, ...others] = nodes
  if (node === undefined)
    return { kind: 'none', reason: `${seen.title} is no node process, and there is none behind it that can be seen` }
  if (others.length > 0) {
    const titles = nodes.slice(0, MOST_NAMED).map(({ pid }) => titleOf(pid))
    const more = nodes.length > titles.length ? `, and ${nodes.length - titles.length} more` : ''
    return {
      kind: 'none',
      reason: `${seen.title} is no node process; several run behind it, name one: ${titles.join(', ')}${more}`,
    }
  }
  const behind = node.behind.map(lookAt)
  const there = lookAt(node.pid)
  return there.kind === 'none' ? there : found(node.pid, there, behind, nodeOptions)
}

const MOST_NAMED = 8

interface Seen {
  readonly kind: 'seen'
  readonly title: string
  readonly words: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}
type Look = Seen | Extract<Found, { kind: 'none' }>

function lookAt(pid: number): Look {
  try {
    const cmdline = readText(`/proc/${pid}/cmdline`)
    if (cmdline === undefined) return { kind: 'none', reason: `there is no process ${pid}` }
    const words = nulTerminated(cmdline)
    if (words.length === 0)
      return { kind: 'none', reason: `process ${pid} has no command line: it is the kernel's, or dead` }
    const title = `pid ${pid} (${words.join(' ').trim().slice(0, 80)})`
    return { kind: 'seen', title, words, variables: variablesIn(readText(`/proc/${pid}/environ`) ?? '') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { kind: 'none', reason: `process ${pid} cannot be looked at (${code}): run this as its user, or as root` }
  }
}

function titleOf(pid: number): string {
  const seen = lookAt(pid)
  return seen.kind === 'seen' ? seen.title : `pid ${pid}`
}

function found(pid: number, { title, words, variables }: Seen, front: readonly Look[], nodeOptions?: string): Found {
  const behind = front.flatMap(look => (look.kind === 'seen' ? [(look.words[0] ?? '').replace(/^.*\//, '')] : []))
  return {
    kind: 'found',
    subject: {
      kind: 'process',
      pid,
      title: behind.length === 0 ? title : `${title} behind ${behind.join(' and ')}`,
      commandLine: parseNodeProcess(words),
      ...(behind.length === 0 ? {} : { behind }),
      // The very binary, whatever its name leads to by now.
      program: `/proc/${pid}/exe`,
      variables,
      nodeOptions: nodeOptions ?? variables.NODE_OPTIONS,
      readText: readTextOf(pid, readText),
      sharesGroup: groupOf(pid) === groupOf('self'),
    },
  }
}

function groupOf(pid: number | 'self'): string | undefined {
  const memory = readText(`/proc/${pid}/cgroup`)
    ?.split('\n')
    .filter(line => /^\d+:([^:]*,)?memory[,:]|^0::/.test(line))
  return memory?.join('\n')
}
