// Whether a preload is there: as this very Node finds it, in a folder with a package that exports to modules alone.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, NODE } from '../preload/node.ts'
import { CLI } from './heapguard.ts'

const folder = emptyFolder()
const write = (path: string, text: string): void => {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}
write('foo.js', '')
write('a b.js', '')
write('node_modules/both/package.json', '{"name":"both","main":"main.js"}')
write('node_modules/both/main.js', '')
write('node_modules/modules-only/package.json', '{"exports":{"./register":{"import":"./register.mjs"}}}')
write('node_modules/modules-only/register.mjs', '')

for (const [option, names] of [
  ['--require', ['./foo.js', './foo', 'foo.js', `${folder}/foo`, 'fs', 'node:fs', 'node:no-such', 'both', 'nothing']],
  ['--require', ['modules-only/register', './', './a b.js', `file://${folder}/foo.js`]],
  ['--import', ['./foo.js', './foo', 'foo.js', '../no/foo.js', `${folder}/foo.js`, 'fs', 'node:fs', 'node:no-such']],
  ['--import', ['both', 'nothing', 'modules-only/register', 'data:text/javascript,0', './foo.js?again', './%66oo.js']],
  ['--import', [`file://${folder}/foo.js`, `file://${folder}/foo`]],
] as const)
  for (const named of names)
    t.test(`${option} ${named.replace(folder, '<folder>')}`, async t => {
      // By env -i: tap would load files of its own.
      const run = (...words: string[]) =>
        spawnSync('env', ['-i', 'CONTAINER_MEMORY_MB=16384', NODE, ...words], { cwd: folder, encoding: 'utf8' })
      const starts = run(option, named, '-e', '0').status === 0
      const { stdout } = run(CLI, 'doctor', '--json', '--node-options', `${option} "${named}"`)
      const found = JSON.parse(stdout).findings.map(({ name }: { name: string }) => name)
      t.equal(!found.includes('missing-preload'), starts)
    })

t.test('a file that this user may not read', async t => {
  chmodSync(folder, 0o755)
  chmodSync(join(folder, 'foo.js'), 0)
  // Root may read every file.
  const another = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const words = ['doctor', '--json', '--node-options', `--require ${folder}/foo.js`]
  const { stdout } = spawnSync('env', ['-i', NODE, CLI, ...words], { ...another, cwd: '/', encoding: 'utf8' })
  t.match(stdout, /"name": "missing-preload"/)
})
