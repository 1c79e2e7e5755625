// What stands between the container and node: package managers, shells, and programs that are not known.
import type { CommandLine } from './command-line.ts'
import type { Facts } from './facts.ts'

interface Told {
  readonly msg: string
  readonly remedy: string
}

/** A command in which no node is found. */
export function commandNotNode({ subject: { kind, commandLine } }: Facts): Told | undefined {
  const { stranger, shell } = commandLine
  if (kind !== 'command' || stranger === undefined) return undefined
  const who = stranger === '' ? 'This command' : stranger
  const why = stranger === shell ? ', and what it runs is more than one simple command' : ''
  return {
    msg: `${who} is not node itself${why}: the flags inside it are not seen, and would win over NODE_OPTIONS.`,
    remedy:
      'Judge the node that it starts, with its flags: heapguard doctor -- node server.js, or --pid where it runs.',
  }
}

/** Those of the subject; where it has none, those of the container's first process. */
export function launchersInFront({ subject, first }: Facts): readonly Told[] {
  const { commandLine, behind = [] } = subject
  const own = [...behind.filter(isShell).map(shellThatStays), ...launchersOf(commandLine, name => name)]
  if (own.length > 0 || first === undefined) return own
  const { through, shell, launcher } = first.commandLine
  const front = through[0] ?? launcher
  const who = (name: string) => (name === front ? `PID 1 is ${name}, which` : `PID 1 is ${front}; ${name} behind it`)
  return launchersOf(first.commandLine, who, front === shell)
}

const isShell = (name: string): boolean => /^(sh|bash|ash|dash)$/.test(name)

/** `stays`: the shell was seen running, so it has not given its place to node. */
function launchersOf({ launcher, shell }: CommandLine, who: (name: string) => string, stays = false): readonly Told[] {
  const told: Told[] = []
  if (launcher !== undefined && launcher !== 'sh')
    told.push({
      msg: `${who(launcher)} is a node process of its own in the same memory, the guard stays away from it, and it stands between SIGTERM and the app. The flags in the script that it runs are not seen here.`,
      remedy: 'Start node itself: CMD ["node", "server.js"].',
    })
  if (shell === undefined) return told
  if (stays) told.push(shellThatStays(who(shell)))
  // For a line of one simple command bash takes its program's place, Debian's dash does not; other shells differ.
  else if (shell !== 'bash' || launcher === 'sh')
    told.push({
      msg: `${who(shell)} may stay in front of the app (Debian's sh does, unless it is told to exec), and hands no SIGTERM on then: the app is killed without having seen it.`,
      remedy: EXEC_REMEDY,
    })
  return told
}

/** As PID 1 it ignores SIGTERM until the grace period is over; behind an init it ends at once, and the app with it. */
const shellThatStays = (who: string): Told => ({
  msg: `${who} does not hand SIGTERM on to the app, which is then killed without having seen it.`,
  remedy: EXEC_REMEDY,
})

const EXEC_REMEDY = 'Start node itself: CMD ["node", "server.js"], or exec in front of node in the script.'
