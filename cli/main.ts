// The command line: heapguard doctor, heapguard report.
import { parseCommand, USAGE } from './arguments.ts'
import { doctor, type Outcome } from './doctor/doctor.ts'
import { report } from './report/report.ts'
import { say } from './say.ts'

declare const HEAPGUARD_VERSION: string

/** Could not tell: bad arguments, nothing to read, anything unforeseen. */
const COULD_NOT = 2

async function run(argv: readonly string[]): Promise<Outcome> {
  const command = parseCommand(argv)
  const { stdout, env } = process
  const colors = showsColors(env, stdout.isTTY)
  const columns = stdout.columns ?? Number(env.COLUMNS || 100)
  switch (command.kind) {
    case 'doctor':
      return doctor(command, colors, columns)
    case 'report':
      return report(command, { colors, columns })
    case 'help':
      return { status: 0, stdout: USAGE }
    case 'version':
      return { status: 0, stdout: `${HEAPGUARD_VERSION}\n` }
    case 'wrong':
      return { status: COULD_NOT, stderr: `heapguard: ${command.reason}\n\n${USAGE}` }
  }
}

/** As Node has it, FORCE_COLOR is over NO_COLOR; an empty variable is an unset one. */
function showsColors({ FORCE_COLOR, NO_COLOR, TERM }: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTerminal && !NO_COLOR && TERM !== 'dumb'
}

async function main(): Promise<void> {
  // Whoever writes asks how it went; the event alone, of a terminal that is gone in the middle of a progress bar, ends nothing.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const outcome: Outcome = await run(process.argv.slice(2)).catch(error => ({
    status: COULD_NOT,
    stderr: `heapguard: ${(error as Error).message}\n`,
  }))
  process.exitCode = outcome.status
  for (const name of ['stderr', 'stdout'] as const)
    if (!(await say(name, outcome[name] ?? ''))) process.exitCode = COULD_NOT
}

void main()
