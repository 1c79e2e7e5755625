// What keeps the guard from running, or from saying anything.
import { describeSettings } from '../../../preload/core/describe-settings.ts'
import { gateOf } from '../../../preload/core/gate.ts'
import type { Facts } from '../facts.ts'
import { commandNotNode, launchersInFront } from '../launchers.ts'
import { isHeapFlag, parseNodeOptions, preloadsOf } from '../options.ts'
import { listed, type Row } from './row.ts'

/** What sizes the heap or steers the guard, and is not the same for the first process as here. */
function differencesOf(first: NonNullable<Facts['first']>, here: Facts['subject']): readonly string[] {
  // Of one flag the last wins.
  const flagsOf = ({ nodeOptions, commandLine }: Pick<Facts['subject'], 'nodeOptions' | 'commandLine'>): string => {
    const flags = [...parseNodeOptions(nodeOptions).options, ...commandLine.options].filter(isHeapFlag)
    const inForce = flags.filter(({ name }, n) => !flags.slice(n + 1).some(later => later.name === name))
    return inForce.flatMap(({ words }) => words).join(' ') || 'none'
  }
  const [there, flags] = [flagsOf(first), flagsOf(here)]
  const variables = describeSettings()
    .map(({ variable }) => variable)
    .filter(name => (first.variables[name] ?? '') !== (here.variables[name] ?? ''))
  return [
    ...(there === flags ? [] : [`the heap flags are ${there} (here ${flags})`]),
    ...variables.map(
      name => `${name} is ${first.variables[name] || 'unset'} (here ${here.variables[name] || 'unset'})`,
    ),
  ]
}

export const GUARD_ROWS: readonly Row[] = [
  {
    name: 'guard-not-loaded',
    level: 'warn',
    look: ({ preloads, inKubernetes, subject }) =>
      preloads.some(({ isGuard }) => isGuard)
        ? undefined
        : {
            msg: `NODE_OPTIONS${subject.nodeOptions === undefined ? ' is not set, and' : ''} does not load the guard, so it never runs.${inKubernetes ? " An env entry of the pod replaces the image's NODE_OPTIONS, all of it." : ''}`,
            remedy: 'Set the whole NODE_OPTIONS as shown, heap flags and --require together.',
          },
  },
  {
    name: 'first-process-without-guard',
    level: 'warn',
    look: ({ first, preloads }) => {
      if (first?.commandLine.node === undefined || !preloads.some(({ isGuard }) => isGuard)) return undefined
      const loaded = preloadsOf([...parseNodeOptions(first.nodeOptions).options, ...first.commandLine.options])
      const names = preloads.filter(({ isGuard }) => isGuard).map(({ named }) => named)
      return loaded.some(({ named }) => names.includes(named))
        ? undefined
        : {
            msg: `PID 1 runs without the guard: its NODE_OPTIONS lacks --require ${listed(names)}, which stands in this environment.`,
            remedy:
              'Something between the image and PID 1 replaces NODE_OPTIONS: look into the entrypoint and its scripts.',
          }
    },
  },
  {
    name: 'first-process-differs',
    level: 'warn',
    look: ({ subject, first }) => {
      // A NODE_OPTIONS that was handed over is a question of its own.
      const isAsSet = subject.kind === 'here' && subject.nodeOptions === subject.variables.NODE_OPTIONS
      if (!isAsSet || first?.commandLine.node === undefined) return undefined
      const differing = differencesOf(first, subject)
      return differing.length === 0
        ? undefined
        : {
            msg: `What is judged here is a node process that this environment would start, not PID 1: there ${differing.join('; ')}.`,
            remedy: 'Judge the process that runs: heapguard doctor --pid 1.',
          }
    },
  },
  {
    name: 'switched-off',
    level: 'warn',
    look: ({ settings }) =>
      settings.enabled
        ? undefined
        : { msg: 'HEAPGUARD_ENABLED is off: the guard does nothing at all.', remedy: 'Unset it to have the guard.' },
  },
  {
    name: 'silent',
    level: 'warn',
    look: ({ settings: { enabled, logLevel } }) =>
      enabled && logLevel === 'silent'
        ? {
            msg: 'HEAPGUARD_LOG_LEVEL is silent: the guard watches and says nothing.',
            remedy: 'Unset it to read lines.',
          }
        : undefined,
  },
  {
    name: 'never-looks',
    level: 'warn',
    look: ({ settings: { enabled, pulseMs, intervalMs } }) =>
      enabled && pulseMs === 0 && intervalMs === 0
        ? {
            msg: 'HEAPGUARD_PULSE_MS and HEAPGUARD_INTERVAL_MS are both 0: after the boot line nothing is looked at.',
            remedy: 'Unset one of them.',
          }
        : undefined,
  },
  {
    name: 'env-file',
    level: 'warn',
    look: ({ subject }) => {
      const files = subject.commandLine.options.filter(({ name }) => /^--env-file(-if-exists)?$/.test(name))
      return files.length === 0
        ? undefined
        : {
            msg: `${listed(files.map(({ words }) => words.join(' ')))} is not read here: NODE_OPTIONS and settings that stand there count for the app where the environment has none.`,
            remedy: 'Set them in the environment, or judge them by --node-options.',
          }
    },
  },
  {
    name: 'guard-stays-away',
    level: 'warn',
    look: ({ subject, answer }) => {
      if (subject.kind === 'here' || subject.commandLine.launcher !== undefined) return undefined
      const gate = gateOf({
        enabled: true,
        alreadyLoaded: false,
        isWorkerThread: false,
        versions: answer.kind === 'told' ? { node: answer.nodeVersion.slice(1) } : { node: '99' },
        scriptPath: subject.commandLine.script,
        execArgv: subject.commandLine.options.flatMap(option => option.words),
        testContext: subject.variables.NODE_TEST_CONTEXT,
      })
      return gate.kind === 'run'
        ? undefined
        : { msg: `The guard stays away from this process: ${gate.reason}.`, remedy: 'Start the app by node itself.' }
    },
  },
  { name: 'command-not-node', level: 'warn', look: commandNotNode },
  { name: 'launcher-in-front', level: 'warn', look: launchersInFront },
]
