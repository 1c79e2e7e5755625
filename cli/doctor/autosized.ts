// HEAPGUARD_AUTOSIZE: what the guard would start the process again with, or why it could not.
import { obstacleTo } from '../../preload/core/autosize.ts'
import { LEAST_AUTOSIZED_MB, remedyFor } from '../../preload/core/remedy.ts'
import type { Answer } from './ask-node.ts'
import type { Judgement } from './diagnosis.ts'
import type { Facts } from './facts.ts'
import { parseNodeOptions, preloadsOf } from './options.ts'

export type Autosized =
  | { readonly kind: 'again'; readonly flags: string }
  | { readonly kind: 'cannot'; readonly reason: string; readonly flags: string }

/**
 * What HEAPGUARD_AUTOSIZE does with a heap that was judged so; undefined where it does nothing. An IPC channel is not
 * seen from here. Never throws.
 */
export function autosizedBy(
  { subject, settings, autosizePercent, preloads, guard }: Facts,
  { nodeVersion, hasExecve }: Extract<Answer, { kind: 'told' }>,
  { budget, verdict }: Judgement,
): Autosized | undefined {
  const loads = preloads.some(({ isGuard }) => isGuard)
  if (autosizePercent === undefined || !settings.enabled || !loads || verdict.kind === 'not-known') return undefined
  const { warnPercent } = settings
  const facts = { nodeVersion, warnPercent, heapPercent: autosizePercent, leastOldSpaceMB: LEAST_AUTOSIZED_MB }
  const remedy = remedyFor(budget, verdict, facts)
  if (remedy.kind !== 'flags') return undefined
  const options = [...parseNodeOptions(subject.nodeOptions).options, ...subject.commandLine.options]
  const guards = preloads.filter(({ isGuard }) => isGuard).map(({ named }) => named)
  const names = options.map(({ name }) => name)
  const reason = obstacleTo({
    isPreloading: preloadsOf(options).some(({ named, isImport }) => !isImport && [...guards, guard].includes(named)),
    hasExecve,
    nodeVersion,
    hasChannel: false,
    mayStartProcesses:
      !names.some(name => /^--(experimental-)?permission$/.test(name)) || names.includes('--allow-child-process'),
    options: options.flatMap(({ words }) => words),
  })
  const { flags } = remedy
  return reason === undefined ? { kind: 'again', flags } : { kind: 'cannot', reason, flags }
}
