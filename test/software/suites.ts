// Test suites of packages that ship them: each file under the guard fails nothing that it passes without it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Software } from './case.ts'
import { install } from './installed.mjs'

/** What each row of installed.mjs tests, and which of its files are left out. */
const SUITES: Readonly<Record<string, { readonly packageName: string; readonly without: RegExp }>> = {
  'suite-close-with-grace': { packageName: 'close-with-grace', without: /^$/ },
  // big.test.js writes a gigabyte and takes minutes; early-console-freeze holds no test; jest and types are for other tools.
  'suite-pino': { packageName: 'pino', without: /transport\/big\.test|early-console-freeze|^test\/(jest|types)\// },
  // error-serializer.test.js compares what a build with eslint makes.
  'suite-fastify': { packageName: 'fastify', without: /error-serializer\.test|^test\/types\// },
}

export const suiteFolders = Object.keys(SUITES)

/** The verdict of each test, and the counts: times, ports and stacks are their own affair. */
const verdicts = (text: string): string =>
  text
    .split('\n')
    .filter(line => /^\s*(not )?ok \d+|^# (tests|pass|fail) +\d+/.test(line))
    // What a test was given, in its name, may hold a pid.
    .map(line => line.replace(/ # time=.*| Input: .*/, ''))
    .join('\n')

/** Installs a suite; returns a case for each of its files. Rejects with npm's words. */
export async function casesOf(folder: string): Promise<Readonly<Record<string, Software>>> {
  const { packageName, without } = SUITES[folder] ?? { packageName: '', without: /^$/ }
  const root = join(await install(folder), 'node_modules', packageName)
  const files = readdirSync(join(root, 'test'), { recursive: true })
    .map(file => `test/${file}`)
    .filter(file => file.endsWith('.test.js') && !without.test(file))
    .sort()
  return Object.fromEntries(
    files.map(file => [
      `${packageName}'s own ${file}`,
      {
        folder,
        script: '',
        mostMs: 180_000,
        command: ({ node }) => [
          'sh',
          '-c',
          `cd ../../node_modules/${packageName} && exec ${node} --test-reporter=tap ${file}`,
        ],
        blur: verdicts,
        want: { stdout: /^ok/m },
      } satisfies Software,
    ]),
  )
}
