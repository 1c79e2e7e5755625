// What the README says is what the code does.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { describeSettings } from '../../preload/core/settings.ts'

const readme = readFileSync('README.md', 'utf8')
const rowsUnder = (heading: string): string[][] =>
  (readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter(line => line.startsWith('| ') && !line.startsWith('|---'))
    .slice(1)
    .map(line => line.split('|').map(cell => cell.trim()))

t.test('the settings table is the code’s, in its order, with its defaults', async t =>
  t.strictSame(
    rowsUnder('Settings').map(([, variable, fallback]) => ({ variable, fallback })),
    describeSettings(),
  ),
)

t.test('every event of the wording is in the records table, and no other', async t => {
  const wording = ['report', 'report-watch', 'report-sum', 'report-autosize', 'report-death']
    .map(name => readFileSync(`preload/core/${name}.ts`, 'utf8'))
    .join('\n')
  const events = new Set([...wording.matchAll(/event: '([a-z-]+)'/g)].map(match => match[1]))
  t.strictSame(new Set(rowsUnder('Records').map(([, event]) => event)), events)
})
