// Everything that the diagnosis goes by, gathered: from here on nothing is read.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type ContainerLimit, groupFoldersOf, readContainerLimit } from '../../preload/core/cgroup.ts'
import { describeSettings } from '../../preload/core/describe-settings.ts'
import type { Neighbour } from '../../preload/core/heap-sum.ts'
import { parseMachineBytes, quietly } from '../../preload/core/kernel-files.ts'
import { readNeighbours } from '../../preload/core/neighbours.ts'
import { readSettings, type SettingProblem, type Settings } from '../../preload/core/settings.ts'
import { type Bytes, bytes } from '../../preload/core/units.ts'
import { type ContainerUsage, readUsage } from '../../preload/core/usage.ts'
import { readWatchSettings } from '../../preload/core/watch-settings.ts'
import { nulTerminated, readText, variablesIn } from '../machine.ts'
import { type Answer, askNode } from './ask-node.ts'
import { type CommandLine, parseCommandLine, variablesOf } from './command-line.ts'
import { type Loaded, type MisreadOptions, misread, parseNodeOptions, preloadsOf } from './options.ts'
import { inItsGroup } from './other-group.ts'
import { findPreload } from './preload-file.ts'
import type { Subject } from './subject.ts'
import { type Written, writtenBy } from './written.ts'

export interface Preload {
  /** As --require or --import has it. */
  readonly named: string
  readonly isGuard: boolean
  readonly isThere: boolean
}

export interface Facts {
  readonly subject: Subject
  readonly answer: Answer
  readonly kernelLimit: ContainerLimit
  readonly machineBytes: Bytes
  /** What the group of the limit uses now; this doctor is in it. */
  readonly usage: ContainerUsage | undefined
  readonly settings: Settings
  readonly problems: readonly SettingProblem[]
  /** HEAPGUARD_AUTOSIZE; undefined: off. */
  readonly autosizePercent: number | undefined
  /** HEAPGUARD_* variables that this version does not know. */
  readonly strangers: readonly string[]
  readonly preloads: readonly Preload[]
  /** Where Node reads NODE_OPTIONS otherwise than it was meant: what it would load if it were written so. */
  readonly meant: (MisreadOptions & { readonly preloads: readonly Preload[] }) | undefined
  /** preload.js beside this file: what should be loaded. */
  readonly guard: string | undefined
  /** The container's first process, where that is another one and can be looked at. */
  readonly first:
    | {
        readonly commandLine: CommandLine
        readonly nodeOptions: string | undefined
        readonly variables: Readonly<Record<string, string | undefined>>
      }
    | undefined
  readonly inKubernetes: boolean
  /** The processes of the group of the limit, where that is the doctor's own. */
  readonly neighbours: readonly Neighbour[]
  /** What the guard would write to. */
  readonly written: readonly Written[]
}

/** Gathers the facts about a subject. Never throws. */
export function gatherFacts(subject: Subject): Facts {
  const { variables, commandLine, nodeOptions } = subject
  const readVariable = (name: string) => variables[name]
  const { settings, problems } = readSettings(readVariable)
  const watch = readWatchSettings(readVariable, settings.warnPercent)
  const kernelLimit = readContainerLimit(subject.readText, {
    lambdaMemoryMB: variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  })
  const { group } = kernelLimit
  // Where another container has its files is not known here.
  const guard = subject.sharesGroup ? guardFile() : undefined
  const preloadsWith = (text: string | undefined): readonly Preload[] =>
    preloadsOf([...parseNodeOptions(text).options, ...commandLine.options]).map(loaded =>
      preload(loaded, guard, subject),
    )
  const meant = misread(nodeOptions)
  return {
    subject,
    answer: askFor(subject, kernelLimit, nodeOptions),
    kernelLimit,
    machineBytes: parseMachineBytes(quietly(subject.readText)('/proc/meminfo')),
    usage: group === undefined ? undefined : readUsage(subject.readText, group, { kind: 'calm', belowBytes: bytes(0) }),
    settings,
    problems: [...problems, ...watch.problems],
    autosizePercent: watch.settings.autosizePercent,
    strangers: Object.keys(variables).filter(isStranger),
    preloads: preloadsWith(nodeOptions),
    meant: meant && { ...meant, preloads: preloadsWith(meant.text) },
    guard,
    first: firstProcess(subject),
    neighbours: subject.sharesGroup ? readNeighbours(subject.readText, groupFoldersOf(kernelLimit)) : [],
    inKubernetes: Boolean(variables.KUBERNETES_SERVICE_HOST),
    written: writtenBy(settings, watch.settings, subject.pid),
  }
}

/** What a node takes that is started as the subject is, with these NODE_OPTIONS. */
export const askFor = (subject: Subject, limit: ContainerLimit, nodeOptions: string | undefined): Answer => {
  const { program, commandLine } = subject
  return inItsGroup(askNode({ program, options: commandLine.options, nodeOptions }), { ...subject, nodeOptions }, limit)
}

const KNOWN = new Set(describeSettings().map(({ variable }) => variable))
const isStranger = (name: string): boolean =>
  name.startsWith('HEAPGUARD_') && !name.startsWith('HEAPGUARD_TEST') && !KNOWN.has(name)

/** Beside the script as it was called (/opt/heapguard holds links), else beside the real file. */
function guardFile(): string | undefined {
  const called = join(dirname(resolve(process.argv[1] ?? '')), 'preload.js')
  return [called, join(__dirname, 'preload.js')].find(path => existsSync(path))
}

function preload(loaded: Loaded, guard: string | undefined, { kind }: Subject): Preload {
  const { named } = loaded
  const byName = /(^|[\\/])heapguard([\\/]|$)/.test(named)
  // A process that runs has found its preloads, in a file system that may not be this one.
  if (kind === 'process') return { named, isGuard: byName || named === guard, isThere: true }
  const found = findPreload(loaded)
  const isGuard = byName || (found.path !== undefined && guard !== undefined && realpathSync(guard) === found.path)
  return { named, isGuard, isThere: found.isThere }
}

function firstProcess({ kind }: Subject): Facts['first'] {
  if (process.pid === 1 || kind === 'process') return undefined
  const read = quietly(readText)
  const words = nulTerminated(read('/proc/1/cmdline') ?? '')
  const environ = read('/proc/1/environ')
  if (words.length === 0 || environ === undefined) return undefined
  const commandLine = parseCommandLine(words)
  const variables = variablesOf(commandLine, variablesIn(environ))
  return { commandLine, nodeOptions: variables.NODE_OPTIONS, variables }
}
