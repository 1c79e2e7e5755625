import t from 'tap'
import { readSettings } from '../../preload/core/settings.ts'
import { absolute, withLogFile } from '../../preload/host/log-file.ts'
import { failure } from './memory-files.ts'

/** What becomes of the setting, and what was opened for it. */
function given(logFile: string, code?: string, logLevel = 'info') {
  const opened: string[] = []
  const append = (path: string, line: string): boolean => {
    opened.push(`${path} ${line}`)
    if (code === undefined) return true
    throw code === '' ? new Error('no code') : failure(code)
  }
  const read = readSettings(name => ({ HEAPGUARD_LOG_FILE: logFile, HEAPGUARD_LOG_LEVEL: logLevel })[name])
  const { settings, problems } = withLogFile(read, { append })
  return { logFile: settings.logFile, problems, opened }
}

t.test('a file that can be appended to: nothing is written yet', async t => {
  t.strictSame(given('/log/guard.log'), { logFile: '/log/guard.log', problems: [], opened: ['/log/guard.log '] })
})

for (const code of ['ENXIO', 'ENOSPC'])
  t.test(`what passes is no problem: ${code}`, async t =>
    t.match(given('/log/pipe', code), { logFile: '/log/pipe', problems: [] }),
  )

for (const [code, why] of [
  ['ENOENT', 'ENOENT'],
  ['EROFS', 'EROFS'],
  ['', 'no code'],
] as const)
  t.test(`a file that cannot: ${why}`, async t => {
    t.strictSame(given(`/${'n'.repeat(50)}`, code), {
      logFile: 'stderr',
      problems: [
        {
          variable: 'HEAPGUARD_LOG_FILE',
          value: `/${'n'.repeat(39)}`,
          rule: `must be stderr, stdout or a file that can be appended to (${why})`,
          used: 'stderr',
        },
      ],
      opened: [`/${'n'.repeat(50)} `],
    })
  })

for (const name of ['stderr', 'stdout'])
  t.test(`${name} is no file`, async t =>
    t.strictSame(given(name, 'ENOENT'), { logFile: name, problems: [], opened: [] }),
  )

t.test('nothing is opened where nothing is to be said', async t =>
  t.strictSame(given('/log', 'ENOENT', 'silent'), { logFile: '/log', problems: [], opened: [] }),
)

t.test('a relative path is where it was', async t => {
  t.equal(given('a/b.log').logFile, `${process.cwd()}/a/b.log`)
  t.equal(absolute('/a/b.log'), '/a/b.log')
  const { cwd } = process
  process.cwd = () => {
    throw failure('ENOENT')
  }
  t.teardown(() => {
    process.cwd = cwd
  })
  t.equal(absolute('a/b.log'), 'a/b.log', 'the folder is gone')
})
