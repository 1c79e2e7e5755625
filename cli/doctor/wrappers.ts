// Programs that start another one with what is left of their words, and how many words are their own.

interface Wrapper {
  /** Options whose value is a word of its own. */
  readonly valued?: string
  /** Words in front of the command: gosu's user, timeout's duration. */
  readonly operands?: number
  /** Options that leave the command with no variable but those set later. */
  readonly clearing?: string
  /** Options that take one variable away. */
  readonly unsetting?: string
  /** The official image's entrypoint starts node where the first word is no program. */
  readonly startsNode?: boolean
}

const TINI: Wrapper = { valued: '-p -e' }

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  tini: TINI,
  'tini-static': TINI,
  'docker-init': TINI,
  'dumb-init': { valued: '-r --rewrite' },
  catatonit: {},
  'docker-entrypoint.sh': { startsNode: true },
  exec: { valued: '-a', clearing: '-c' },
  env: { valued: '-C --chdir', clearing: '- -i --ignore-environment', unsetting: '-u --unset' },
  gosu: { operands: 1 },
  'su-exec': { operands: 1 },
  setpriv: {
    valued:
      '--ambient-caps --apparmor-profile --bounding-set --egid --euid --groups --inh-caps --pdeathsig --regid --reuid --rgid --ruid --securebits --selinux-label',
    clearing: '--reset-env',
  },
  timeout: { valued: '-k --kill-after -s --signal', operands: 1 },
  nice: { valued: '-n --adjustment' },
  ionice: { valued: '-c --class -n --classdata' },
  chrt: { valued: '-D -P -T --sched-deadline --sched-period --sched-runtime', operands: 1 },
  taskset: { operands: 1 },
  stdbuf: { valued: '-e --error -i --input -o --output' },
  nohup: {},
  setsid: {},
}

export interface Unwrapped {
  /** The wrapper, as people call it. */
  readonly name: string
  /** It hands on nothing of the environment that it was given. */
  readonly clears: boolean
  /** Variables that it takes away. */
  readonly unset: readonly string[]
  /** The command that it starts. */
  readonly words: readonly string[]
}

/** Takes one wrapper off a command; undefined where it begins with none that is known. */
export function unwrapped(words: readonly string[]): Unwrapped | undefined {
  const name = (words[0] ?? '').replace(/^.*\//, '')
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined
  if (wrapper === undefined) return undefined
  if (wrapper.startsNode) return { name, clears: false, unset: [], words: startedByImage(words.slice(1)) }
  const { valued, clearing, unsetting, operands = 0 } = wrapper
  const unset: string[] = []
  let clears = false
  let at = 1
  for (; words[at]?.startsWith('-'); at++) {
    const word = words[at] ?? ''
    if (word === '--') {
      at++
      break
    }
    clears ||= isOneOf(clearing, word)
    const variable = isOneOf(unsetting, word) ? words[at + 1] : joinedValue(unsetting, word)
    if (variable !== undefined) unset.push(variable)
    if (isOneOf(valued, word) || isOneOf(unsetting, word)) at++
  }
  return { name, clears, unset, words: words.slice(at + operands) }
}

const isOneOf = (options: string | undefined, word: string): boolean => options?.split(' ').includes(word) ?? false

/** `-uNAME`, `--unset=NAME`. */
function joinedValue(options: string | undefined, word: string): string | undefined {
  for (const option of options?.split(' ') ?? []) {
    const start = option.startsWith('--') ? `${option}=` : option
    if (word.startsWith(start)) return word.slice(start.length)
  }
}

/** docker-entrypoint.sh puts node in front of an option and of a file that is no program. */
const startedByImage = (words: readonly string[]): readonly string[] =>
  /^-|\.[cm]?[jt]s$/.test(words[0] ?? '') ? ['node', ...words] : words
