// README's commands, as somebody runs them who has just cloned this: in order, in a folder that holds nothing else.
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { docker, whyNoDocker } from '../container/docker.ts'
import { emptyFolder } from '../preload/node.ts'
import { blocksIn, namedIn } from './blocks.ts'
import { own, removeImages, runCommands } from './shell.ts'

const readme = readFileSync('README.md', 'utf8')
const scripts: Readonly<Record<string, string>> = JSON.parse(readFileSync('package.json', 'utf8')).scripts
const noDocker = await whyNoDocker()

/** What `git clone` gives, with what is not committed yet; without anything that was installed or built. */
function freshClone(): string {
  const folder = emptyFolder()
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
  for (const path of listed.split('\0')) {
    if (path === '' || !statSync(path, { throwIfNoEntry: false })?.isFile()) continue
    cpSync(path, join(folder, path), { recursive: true })
  }
  return folder
}

const clone = freshClone()
t.teardown(() => rmSync(clone, { recursive: true }))
t.test('nothing is installed or built in a clone', async t =>
  t.strictSame(
    readdirSync(clone).filter(name => ['node_modules', 'dist'].includes(name)),
    [],
  ),
)

const container = `heapguard-test-readme-${process.pid}`
t.teardown(async () => {
  if (noDocker !== undefined) return
  await docker('rm', '--force', container).catch(() => {})
  await removeImages()
})

for (const { line, commands, status, runsOn } of inOrder(blocksIn(readme))) {
  const needsDocker = /\bdocker\b/.test(commands)
  t.test(`README.md:${line}: ${commands.split('\n')[0]}`, { skip: (needsDocker && noDocker) ?? false }, async t => {
    if (commands.includes('$CONTAINER')) await runContainer()
    if (commands.trim() === 'npm test') fewerTests()
    const end = await runCommands(commands, {
      cwd: clone,
      patienceMs: 400_000,
      variables: {
        // A free port, where npm start takes the variable.
        PORT: '0',
        IMAGE: own('thumbnails'),
        CONTAINER: container,
      },
      ...(runsOn ? { isUp: (output: string) => output.includes('"event":"listening"') } : {}),
    })
    t.teardown(() => (t.passing() ? undefined : t.comment(end.output.slice(-3000))))
    if (!runsOn) return t.equal(end.status, status, 'exit status')
    const events = end.output.split('\n').flatMap(text => /"event":"([a-z-]+)"/.exec(text)?.[1] ?? [])
    t.ok(events.indexOf('heap-validated') >= 0, 'the boot line')
    t.ok(events.indexOf('heap-validated') < events.indexOf('listening'), 'before the app is up')
    t.match(end.output, /"verdict":"fits"/)
    // npm itself ends with 130 after Ctrl+C, whatever the script did.
    t.match(end.output, /"event":"shutdown".*"exitCode":0,/, 'and Ctrl+C ends the app in its own way')
  })
}

/** A container whose log is not empty. */
async function runContainer(): Promise<void> {
  await docker('run', '--detach', '-m', '512m', '--name', container, own('thumbnails'))
  while (!(await docker('logs', container)).includes('"listening"')) await new Promise(done => setTimeout(done, 100))
}

/** `npm test` here would be this test again: all that comes before the tests is run whole, then one file of them. */
function fewerTests(): void {
  const path = join(clone, 'package.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  const test = scripts.test ?? ''
  t.match(test, /^tap test\/core\/\*\.test\.ts /)
  manifest.scripts.test = 'tap --disable-coverage test/core/units.test.ts'
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`)
}

/** Images are made before what runs them, wherever the page has them. */
function inOrder<T extends { readonly commands: string }>(blocks: readonly T[]): readonly T[] {
  const rank = ({ commands }: T) => (/^(docker build|npm)/.test(commands) ? 0 : 1)
  return [...blocks].sort((a, b) => rank(a) - rank(b))
}

t.test('the gate runs the very command', async t =>
  t.match(readFileSync('.ci/gate.mjs', 'utf8'), "command: ['npm', 'test'] }"),
)

const PAGES = ['README.md', 'deploy/README.md', ...readdirSync('docs').map(name => join('docs', name))].filter(name =>
  name.endsWith('.md'),
)
for (const page of PAGES)
  t.test(`${page}: what it names in a sentence is there`, async t => {
    for (const command of namedIn(readFileSync(page, 'utf8'))) {
      const script = /^npm run (?:--silent )?([a-z:]+)/.exec(command)?.[1]
      if (script !== undefined) t.ok(script in scripts, command)
      const file = /^node ([\w./-]+\.m?js)\b/.exec(command)?.[1]
      if (file?.startsWith('/opt/heapguard/')) t.ok(statSync(join('dist', file.slice(15)))?.isFile(), command)
      else if (file !== undefined && dirname(file) !== '.') t.ok(statSync(file)?.isFile(), command)
    }
  })
