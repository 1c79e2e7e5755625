// The build, from wherever it is run.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

t.test('the build makes the same from any folder, and leaves nothing there', async t => {
  const project = join(t.testdir({ project: {}, elsewhere: {} }), 'project')
  for (const path of ['preload', 'build.mjs', 'package.json', 'tsconfig.json', 'cli'])
    cpSync(resolve(path), join(project, path), { recursive: true })
  symlinkSync(resolve('node_modules'), join(project, 'node_modules'))
  mkdirSync(join(project, 'app'))
  writeFileSync(join(project, 'app/package.json'), '{"name":"another","version":"9.9.9"}')

  const build = (cwd: string, path: string) => spawnSync(process.execPath, [path], { cwd, encoding: 'utf8' })
  const built = () => readdirSync(join(project, 'dist')).map(name => readFileSync(join(project, 'dist', name), 'utf8'))
  const first = build(project, 'build.mjs')
  t.equal(first.status, 0, first.stderr)
  t.equal(first.stderr, '')
  const files = built()
  for (const [name, cwd, path] of [
    ['from a folder of the project with a package.json of its own', join(project, 'app'), '../build.mjs'],
    ['from another folder', join(project, '../elsewhere'), join(project, 'build.mjs')],
  ] as const) {
    const before = readdirSync(cwd)
    const { status, stdout, stderr } = build(cwd, path)
    t.equal(status, 0, `${name}: ${stderr}`)
    t.equal(stdout, first.stdout)
    t.strictSame(built(), files, name)
    t.strictSame(readdirSync(cwd), before, 'and leaves nothing there')
  }
})
