// The command line: heapguard doctor, heapguard report.
import { parseCommand, USAGE } from './arguments.ts'
import { doctor, type Outcome } from './doctor/doctor.ts'
import { report } from './report/report.ts'

declare const HEAPGUARD_VERSION: string

/** Could not tell: bad arguments, nothing to read, anything unforeseen. */
const COULD_NOT = 2

async function run(argv: readonly string[]): Promise<Outcome> {
  const command = parseCommand(argv)
  const { stdout, env } = process
  const colors = env.FORCE_COLOR !== undefined || (stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb')
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

// `| head` closes the pipe; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

run(process.argv.slice(2)).then(
  ({ status, stdout = '', stderr = '' }) => {
    process.exitCode = status
    process.stderr.write(stderr)
    process.stdout.write(stdout)
  },
  error => {
    process.exitCode = COULD_NOT
    process.stderr.write(`heapguard: ${(error as Error).message}\n`)
  },
)
