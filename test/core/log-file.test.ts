import t from 'tap'
import { afterOpening } from '../../preload/core/log-file.ts'
import { readSettings } from '../../preload/core/settings.ts'

const read = (logFile: string) => readSettings(name => ({ HEAPGUARD_LOG_FILE: logFile, HEAPGUARD_PULSE_MS: 'x' })[name])

for (const why of [undefined, 'ENXIO', 'ENOSPC'])
  t.test(`it can be written, or may be later: ${why}`, async t => {
    const { settings, problems } = afterOpening(read('guard.log'), '/app/guard.log', why)
    t.equal(settings.logFile, '/app/guard.log')
    t.strictSame(problems, read('guard.log').problems)
  })

for (const why of ['ENOENT', 'EROFS', 'no code'])
  t.test(`it cannot: ${why}`, async t => {
    const long = `/${'n'.repeat(50)}`
    const { settings, problems } = afterOpening(read(long), long, why)
    t.strictSame(settings, { ...read(long).settings, logFile: 'stderr' })
    t.strictSame(problems, [
      ...read(long).problems,
      {
        variable: 'HEAPGUARD_LOG_FILE',
        value: `/${'n'.repeat(39)}`,
        rule: `must be stderr, stdout or a file that can be appended to (${why})`,
        used: 'stderr',
      },
    ])
  })
