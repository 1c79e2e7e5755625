// What silently disables the guard, or makes its numbers say less than they seem to: one row each.
import { describeSettings } from '../../preload/core/describe-settings.ts'
import { gateOf } from '../../preload/core/gate.ts'
import { heapSumOf } from '../../preload/core/heap-sum.ts'
import { splitNodeOptions } from '../../preload/core/node-options.ts'
import { heapSumExceeds } from '../../preload/core/report-sum.ts'
import { configProblem, kernelLimitIsLower } from '../../preload/core/report-watch.ts'
import { bytes, mbToBytes, millis } from '../../preload/core/units.ts'
import type { Facts } from './facts.ts'
import { commandNotNode, launchersInFront } from './launchers.ts'
import { isHeapFlag, type MisreadOptions, parseNodeOptions, preloadsOf } from './options.ts'
import type { Written } from './written.ts'

/** Something that was found, and what to do about it. */
export interface Finding {
  readonly name: string
  /** error: node would not start. */
  readonly level: 'error' | 'warn'
  readonly msg: string
  readonly remedy: string
}

type Found = { readonly msg: string; readonly remedy: string }
interface Row {
  readonly name: string
  readonly level: Finding['level']
  readonly look: (facts: Facts) => Found | readonly Found[] | undefined
}

function troubleWith(variable: Written['variable'], say: (path: string, why: string) => Found): Row['look'] {
  return ({ written }) =>
    written.flatMap(one => (one.variable === variable && one.trouble !== undefined ? [say(one.path, one.trouble)] : []))
}

const FAULTS: Readonly<Record<MisreadOptions['fault'], Found>> = {
  'white-space': {
    msg: 'NODE_OPTIONS holds a line break or a tab, and Node takes its options apart at spaces alone: what stands around it is one word.',
    remedy: 'Write it on one line (in YAML >- in the place of |), as shown.',
  },
  quotes: {
    msg: 'NODE_OPTIONS stands in quotes that are part of its value (docker --env-file and lists in compose keep them), so Node does not see the options in it.',
    remedy: 'Write it without these quotes, as shown.',
  },
}

/** What sizes the heap or steers the guard, and is not the same for the first process as here. */
function differencesOf(first: NonNullable<Facts['first']>, here: Facts['subject']): readonly string[] {
  const flagsOf = ({ nodeOptions, commandLine }: Pick<Facts['subject'], 'nodeOptions' | 'commandLine'>): string =>
    [...parseNodeOptions(nodeOptions).options, ...commandLine.options]
      .filter(isHeapFlag)
      .flatMap(({ words }) => words)
      .join(' ') || 'none'
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

const WITH_SPACE = (names: readonly string[]): string => names.join(', ')

/** In this order: what keeps node from starting, what keeps the guard from running, what keeps it from knowing. */
const ROWS: readonly Row[] = [
  {
    name: 'badly-written',
    level: 'warn',
    look: ({ meant }) => (meant === undefined ? undefined : FAULTS[meant.fault]),
  },
  {
    name: 'refused-flag',
    level: 'error',
    look: ({ answer }) =>
      answer.kind === 'refused'
        ? {
            msg: `Node does not start with these options (exit 9): ${answer.reason}`,
            remedy: 'Take the flag out of NODE_OPTIONS, or off the command line; a newer Node may know it.',
          }
        : undefined,
  },
  {
    name: 'dies-at-start',
    level: 'error',
    look: ({ answer }) =>
      answer.kind === 'dies'
        ? {
            msg: `Node dies before it runs a line (${answer.reason}): with these options its heap is too small even for its start.`,
            remedy: 'Give it a larger heap.',
          }
        : undefined,
  },
  {
    name: 'missing-preload',
    level: 'error',
    look: ({ preloads }) =>
      preloads
        .filter(({ isThere }) => !isThere)
        .map(({ named }) => ({
          msg: `${named} is not there or cannot be read, so every node process ends with 1 before it begins.`,
          remedy: 'Copy it into the final stage of the image, before the ENV line, readable for the user that runs.',
        })),
  },
  {
    name: 'ignored-words',
    level: 'warn',
    look: ({ subject, meant }) => {
      if (meant !== undefined) return undefined
      const words = splitNodeOptions(subject.nodeOptions ?? '') ?? []
      const { rest } = parseNodeOptions(subject.nodeOptions)
      const quoted = words.find(word => word.startsWith("'"))
      const from = rest[0] ?? quoted
      return from === undefined
        ? undefined
        : {
            msg: `Node stops reading NODE_OPTIONS at ${from} and ignores it and all that follows.`,
            remedy:
              'Single quotes mean nothing in NODE_OPTIONS: use none, or double quotes around a value with spaces.',
          }
    },
  },
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
            msg: `PID 1 runs without the guard: its NODE_OPTIONS lacks --require ${WITH_SPACE(names)}, which stands in this environment.`,
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
            msg: `${WITH_SPACE(files.map(({ words }) => words.join(' ')))} is not read here: NODE_OPTIONS and settings that stand there count for the app where the environment has none.`,
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
  {
    name: 'heap-flag-on-command-line',
    level: 'warn',
    look: ({ subject }) => {
      const flags = subject.commandLine.options.filter(isHeapFlag).map(({ words }) => words.join(' '))
      return flags.length === 0
        ? undefined
        : {
            msg: `${WITH_SPACE(flags)} on the command line wins over NODE_OPTIONS.`,
            remedy: 'Take it off the command line, so that the number is set in one place.',
          }
    },
  },
  {
    name: 'title-hides-flags',
    level: 'warn',
    look: ({ subject: { kind, commandLine } }) =>
      kind === 'process' && commandLine.node === undefined && commandLine.launcher === undefined
        ? {
            msg: 'The process has set its own title, which covers its command line: flags that stand there are not seen here.',
            remedy: 'Judge the command in its place: heapguard doctor -- node server.js.',
          }
        : undefined,
  },
  {
    name: 'no-limit-in-pod',
    level: 'warn',
    look: ({ inKubernetes, kernelLimit }) =>
      inKubernetes && kernelLimit.kind !== 'limited'
        ? {
            msg: `This is a Kubernetes pod, but no memory limit holds (${kernelLimit.reason}): a request is no limit, and the node's memory is what runs out.`,
            remedy: 'Set resources.limits.memory of this container, the same as its request.',
          }
        : undefined,
  },
  {
    name: 'kernel-limit-is-lower',
    level: 'warn',
    look: ({ settings: { containerMemoryMB }, kernelLimit }) =>
      containerMemoryMB !== undefined &&
      kernelLimit.kind === 'limited' &&
      kernelLimit.limitBytes < mbToBytes(containerMemoryMB)
        ? {
            msg: kernelLimitIsLower(containerMemoryMB, kernelLimit.limitBytes, kernelLimit.path).msg,
            remedy: "Unset CONTAINER_MEMORY_MB: the kernel's own number is found.",
          }
        : undefined,
  },
  {
    name: 'heap-sum',
    level: 'warn',
    look: ({ subject, answer, neighbours, kernelLimit }) => {
      // A command would come on top of what runs, and what runs may be what it is to replace.
      if (subject.kind === 'command' || answer.kind !== 'told' || kernelLimit.kind !== 'limited') return undefined
      const { heapLimitBytes, nodeVersion } = answer
      const sum = heapSumOf({
        // None of them: what came by exec into the container, as the doctor did, is left out.
        ownPid: 0,
        ownUptimeMs: millis(0),
        ownHeapLimitBytes: heapLimitBytes,
        ownOldSpaceBytes: undefined,
        workerHeapLimits: [],
        neighbours,
        nodeVersion,
        memoryNodeSeesBytes: kernelLimit.limitBytes,
      })
      const others = {
        isolates: sum.isolates - 1,
        processes: sum.processes - 1,
        sumBytes: bytes(sum.sumBytes - heapLimitBytes),
      }
      return others.processes < 2 || others.sumBytes <= kernelLimit.limitBytes
        ? undefined
        : {
            msg: heapSumExceeds(others, kernelLimit.limitBytes).msg,
            remedy: 'Judge each by --pid, and divide the container among them.',
          }
    },
  },
  {
    name: 'limit-not-certain',
    level: 'warn',
    look: ({ kernelLimit }) =>
      kernelLimit.kind === 'limited' && kernelLimit.confidence === 'low' && kernelLimit.reason !== undefined
        ? {
            msg: `A tighter limit may hold than the one that could be read: ${kernelLimit.reason}.`,
            remedy: 'Set CONTAINER_MEMORY_MB to what the container has.',
          }
        : undefined,
  },
  {
    name: 'bad-setting',
    level: 'warn',
    look: ({ problems }) =>
      problems.map(problem => ({ msg: configProblem(problem).msg, remedy: `Correct or unset ${problem.variable}.` })),
  },
  {
    name: 'unknown-setting',
    level: 'warn',
    look: ({ strangers }) =>
      strangers.map(name => ({ msg: `${name} is no setting of this version.`, remedy: 'Look for a typing error.' })),
  },
  {
    name: 'log-file-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_LOG_FILE', (path, why) => ({
      msg: `HEAPGUARD_LOG_FILE ${path} cannot be appended to by this user (${why}): the lines go to stderr.`,
      remedy: 'Give its folder to the user that runs, or unset it. The guard makes the file, and no folder.',
    })),
  },
  {
    name: 'evidence-folder-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_DIR', (path, why) => ({
      msg: `HEAPGUARD_DIR ${path} cannot be written to by this user (${why}), so nothing outlives the process.`,
      remedy: 'Mount a volume there that the user that runs may write to. The guard makes no folder.',
    })),
  },
  {
    name: 'termination-log-not-writable',
    level: 'warn',
    look: troubleWith('HEAPGUARD_TERMINATION_LOG', (path, why) => ({
      msg: `${path} cannot be written by this user (${why}), so no last words can stand in kubectl describe pod.`,
      remedy: 'Run as a user that may read and write it, and name a regular file that is there.',
    })),
  },
]

/** Every finding, in the order of the table. Never throws. */
export const findingsIn = (facts: Facts): readonly Finding[] =>
  ROWS.flatMap(({ name, level, look }) => {
    const found = look(facts) ?? []
    return (Array.isArray(found) ? found : [found]).map((one: Found) => ({ name, level, ...one }))
  })
