// Facts -> verdict, remedy and exit status: the guard's own core does the judging.
import { type Verdict, verdictOf } from '../../preload/core/assess.ts'
import { budgetOf, type HeapBudget, memoryNodeSees } from '../../preload/core/budget.ts'
import { type OldSpaceLimit, readOldSpaceLimit } from '../../preload/core/flags.ts'
import type { Fields } from '../../preload/core/record.ts'
import { heapValidated } from '../../preload/core/report.ts'
import { adviceOn } from '../../preload/core/report-watch.ts'
import type { Answer } from './ask-node.ts'
import { autosizedBy } from './autosized.ts'
import { hidesFlags } from './command-line.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './findings/row.ts'
import { findingsIn } from './findings.ts'
import { isHeapFlag, parseNodeOptions, preloadsOf, withHeapFlags } from './options.ts'
import { startable } from './startable.ts'
import type { Subject } from './subject.ts'

declare const HEAPGUARD_VERSION: string

/** The heap against the container, where both are known well enough. */
export interface Judgement {
  readonly budget: HeapBudget
  readonly oldSpaceLimit: OldSpaceLimit
  /** `not-known`: the container's memory is only assumed, and nothing is judged by an assumption. */
  readonly verdict: Verdict | { readonly kind: 'not-known' }
  /** The keys of a heap-validated record. */
  readonly fields: Fields
  readonly msg: string
}

export interface Diagnosis {
  /** 0 fits, 1 does not (or would not start), 2 could not tell. */
  readonly status: 0 | 1 | 2
  readonly judgement: Judgement | undefined
  /** All of NODE_OPTIONS as it should be; absent where it is good as it is. */
  readonly nodeOptions: string | undefined
  /** What a node started with these says: the remedy, tried. */
  readonly tried: Judgement | undefined
  /** What HEAPGUARD_AUTOSIZE would start it again with, and what that says. */
  readonly autosized: { readonly flags: string; readonly judgement: Judgement } | undefined
  readonly findings: readonly Finding[]
}

/** Judges the facts; `ask` is how a node with other NODE_OPTIONS answers. Never throws. */
export function diagnose(
  facts: Facts,
  strict: boolean,
  ask: (subject: Subject, nodeOptions: string) => Answer,
): Diagnosis {
  const judgement = facts.answer.kind === 'told' ? judge(facts, facts.answer, facts.subject.nodeOptions) : undefined
  // The command line's heap flags would win over other ones, and are to be taken out.
  const alone = { ...facts, subject: withoutHeapFlags(facts.subject) }
  const judgedWith = (text: string): Judgement | undefined => {
    const answer = ask(alone.subject, text)
    return answer.kind === 'told' ? judge(alone, answer, text) : undefined
  }
  const asked =
    judgement !== undefined && facts.answer.kind === 'told' ? autosizedBy(facts, facts.answer, judgement) : undefined
  const again = asked?.kind === 'again' ? judgedWith(withHeapFlags(facts.subject.nodeOptions, asked.flags)) : undefined
  const autosized = asked === undefined || again === undefined ? undefined : { flags: asked.flags, judgement: again }
  const findings = [...findingsIn(facts), ...(asked?.kind === 'cannot' ? [cannotAutosize(asked.reason)] : [])]
  const wouldNotStart = findings.some(({ level }) => level === 'error')
  const verdict = autosized?.judgement.verdict ?? judgement?.verdict
  const seenStatus = verdict === undefined ? 2 : STATUS[verdict.kind]
  const verdictStatus = seenStatus === 0 && mayHideFlags(facts.subject) ? 2 : seenStatus
  const status = wouldNotStart || (strict && findings.length > 0 && verdictStatus === 0) ? 1 : verdictStatus
  const { meant } = facts
  const asMeant = meant === undefined ? facts : withNodeOptions(facts, meant.text, meant.preloads)
  const mustBeOther = wouldNotStart || meant !== undefined
  const nodeOptions = mustBeOther ? startableWith(asMeant, ask) : betterOptions(facts, judgement)
  const hasRemedy = nodeOptions !== undefined && (mustBeOther || remedyIn(judgement) !== undefined)
  return {
    status,
    judgement,
    nodeOptions,
    tried: hasRemedy ? judgedWith(nodeOptions) : undefined,
    autosized,
    findings,
  }
}

const cannotAutosize = (reason: string): Finding => ({
  name: 'autosize-cannot',
  level: 'warn',
  msg: `HEAPGUARD_AUTOSIZE would start the process again with a heap that fits, and cannot: ${reason}.`,
  remedy: 'Set NODE_OPTIONS as shown.',
})

/** That NODE_OPTIONS fit tells nothing where a flag that is not seen may win over them. */
export const mayHideFlags = ({ kind, commandLine }: Subject): boolean => kind !== 'here' && hidesFlags(commandLine)

/** The exit status of a verdict. */
export const STATUS = { fits: 0, low: 0, tight: 1, exceeds: 1, 'not-known': 2 } as const

/** What the guard would say at boot with this answer of node's. */
export function judge(
  facts: Facts,
  answer: Extract<Answer, { kind: 'told' }>,
  nodeOptions: string | undefined,
): Judgement {
  const { subject, kernelLimit, settings, machineBytes } = facts
  const { nodeVersion } = answer
  const nodeSeesBytes = memoryNodeSees(answer.constrained, machineBytes)
  const oldSpaceLimit = readOldSpaceLimit({
    execArgv: subject.commandLine.options.flatMap(option => option.words),
    nodeOptions,
    nodeVersion,
    memoryNodeSeesBytes: nodeSeesBytes,
  })
  const { heapLimitBytes } = answer
  const operatorMB = settings.containerMemoryMB
  const budget = budgetOf({ heapLimitBytes, oldSpaceLimit, kernelLimit, operatorMB, nodeSeesBytes })
  const { warnPercent } = settings
  const verdict = verdictOf(budget, warnPercent)
  const advice = verdict.kind === 'fits' ? undefined : adviceOn(budget, verdict, { nodeVersion, warnPercent })
  const said = heapValidated(
    { budget, verdict, warnPercent, version: HEAPGUARD_VERSION, nodeVersion, isPid1: false },
    advice,
  )
  const isAssumed = budget.container.source === 'default'
  return {
    budget,
    oldSpaceLimit,
    verdict: isAssumed ? { kind: 'not-known' } : verdict,
    fields: said.fields,
    msg: said.msg,
  }
}

const withNodeOptions = (facts: Facts, nodeOptions: string, preloads: Facts['preloads']): Facts => ({
  ...facts,
  preloads,
  subject: { ...facts.subject, nodeOptions },
})

/** What lets node start, with the guard, and where its heap would not fit then, with a heap that does. */
function startableWith(facts: Facts, ask: (subject: Subject, nodeOptions: string) => Answer): string | undefined {
  const text = startable(facts, nodeOptions => ask(facts.subject, nodeOptions))
  if (text === undefined) return undefined
  const answer = ask(facts.subject, text)
  const then = answer.kind === 'told' ? judge(facts, answer, text) : undefined
  // It may have been put in the place of a preload that is not there.
  const hasGuard = preloadsOf(parseNodeOptions(text).options).some(({ named }) => named === facts.guard)
  return withHeapFlags(text, remedyIn(then), hasGuard ? undefined : guardToAdd(facts))
}

function betterOptions(facts: Facts, judgement: Judgement | undefined): string | undefined {
  const { subject } = facts
  const remedy = remedyIn(judgement)
  const missing = guardToAdd(facts)
  if (remedy === undefined && missing === undefined) return undefined
  return withHeapFlags(subject.nodeOptions, remedy, missing)
}

const guardToAdd = ({ preloads, guard }: Facts): string | undefined =>
  preloads.some(({ isGuard }) => isGuard) ? undefined : guard

/** The heap flags to set. None by an assumed container: what it has is to be said first. */
const remedyIn = (judgement: Judgement | undefined): string | undefined =>
  typeof judgement?.fields.remedy === 'string' && judgement.verdict.kind !== 'not-known'
    ? judgement.fields.remedy
    : undefined

/** What may be said to be so. */
export const toldVerdict = ({ status, judgement }: Diagnosis): Judgement['verdict']['kind'] =>
  status === 2 || judgement === undefined ? 'not-known' : judgement.verdict.kind

const withoutHeapFlags = (subject: Subject): Subject => {
  const { commandLine } = subject
  const options = commandLine.options.filter(option => !isHeapFlag(option))
  return { ...subject, commandLine: { ...commandLine, options } }
}
