// Every command in docs/ and deploy/ is run, where what it needs is there; and the pages speak of what there is.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { docker, whyNoDocker } from '../container/docker.ts'
import { emptyFolder } from '../preload/node.ts'
import { blocksIn } from './blocks.ts'
import { COMPOSE, own, removeImages, runCommands } from './shell.ts'

const PAGES = [
  ...readdirSync('docs').flatMap(name => (name.endsWith('.md') ? [join('docs', name)] : [])),
  'deploy/README.md',
]
const page = (path: string): string => readFileSync(path, 'utf8')

const noDocker = await whyNoDocker()
const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0
const no = (isThere: boolean, reason: string): string | undefined => (isThere ? undefined : reason)

/** What a command needs, by a word in it; the first that is missing is why it is skipped. */
const NEEDS: readonly (readonly [word: RegExp, missing: string | undefined])[] = [
  [/\bkubectl kustomize\b/, no(works('kubectl', 'kustomize', '--help'), 'no kubectl here')],
  [
    /\bkubectl (?!kustomize)/,
    no(works('kubectl', 'get', 'pods', '--request-timeout=2s'), 'no Kubernetes cluster here'),
  ],
  [/\bpromtool\b/, no(works('promtool', '--version'), 'no promtool here')],
  [/\bdocker compose\b/, no(COMPOSE !== undefined, 'no docker compose here')],
  [/\bdocker\b|\$CONTAINER|\$IMAGE/, noDocker],
]

const image = `heapguard-test:docs-${process.pid}`
const container = `heapguard-test-docs-${process.pid}`

t.before(async () => {
  if (noDocker !== undefined) return
  const context = emptyFolder()
  mkdirSync(join(context, 'app'))
  cpSync('dist', join(context, 'heapguard'), { recursive: true })
  writeFileSync(
    join(context, 'app/server.js'),
    "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e6)\n",
  )
  writeFileSync(
    join(context, 'Dockerfile'),
    `FROM node:24-bookworm-slim
COPY app /app
COPY heapguard /opt/heapguard
ENV NODE_OPTIONS="--max-old-space-size=384 --require /opt/heapguard/preload.js" HEAPGUARD_INTERVAL_MS=100
WORKDIR /app
CMD ["node", "server.js"]
`,
  )
  await docker('build', '--quiet', '--tag', image, context)
  await docker('run', '--detach', '-m', '512m', '--name', container, image)
  while (!execFileSync('sh', ['-c', `docker logs ${container} 2>&1`], { encoding: 'utf8' }).includes('"memory"'))
    await new Promise(done => setTimeout(done, 200))
})
t.teardown(async () => {
  if (noDocker !== undefined) return
  await docker('rm', '--force', container)
  await docker('rmi', '--no-prune', image)
  await removeImages()
})

for (const name of PAGES)
  for (const { line, commands, status } of blocksIn(page(name))) {
    const skip = NEEDS.find(([word, missing]) => word.test(commands) && missing !== undefined)?.[1] ?? false
    t.test(`${name}:${line}`, { skip }, async t => {
      // The recipes are run in a clone; what a page of docs/ leaves behind is not to lie in one.
      const isRecipe = dirname(name) === 'deploy'
      if (commands.includes('docker compose')) await docker('tag', image, own('their-app'))
      const end = await runCommands(commands, {
        cwd: isRecipe ? process.cwd() : emptyFolder(),
        patienceMs: isRecipe ? 400_000 : 60_000,
        variables: { IMAGE: image, CONTAINER: container, POD: 'none' },
      })
      if (end.status !== status) t.comment(end.output.slice(-2000))
      t.equal(end.status, status, 'exit status')
    })
  }

t.test('each event, cause and death of the code has its paragraph in the runbook, and no other', async t => {
  const runbook = page('docs/runbook.md')
  const events = (runbook.split('\n## The events\n')[1] ?? '').split('\n## ')[0] ?? ''
  const headings = [...events.matchAll(/^### ([a-z-]+)/gm)].map(match => match[1])
  const wording = readdirSync('preload/core').map(file => readFileSync(join('preload/core', file), 'utf8'))
  const said = wording.flatMap(text => [...text.matchAll(/event: '([a-z-]+)'/g)].map(match => match[1]))
  t.strictSame(new Set(headings), new Set(said))
  const causes = [
    ...((runbook.split('\n## The causes\n')[1] ?? '').split('\n## ')[0] ?? '').matchAll(/^### ([a-z]+)$/gm),
  ].map(match => match[1])
  const kinds = /CauseKind = (.*)/.exec(readFileSync('preload/core/cause.ts', 'utf8'))?.[1] ?? ''
  t.strictSame(new Set(causes), new Set([...kinds.matchAll(/'(\w+)'/g)].map(match => match[1])))
  const deaths = [...(runbook.split('\n## The deaths\n')[1] ?? '').matchAll(/^### ([a-z0-9-]+)$/gm)]
  const named = /type Death =((?:\n {2}\| '[a-z0-9-]+')+)/.exec(
    readFileSync('preload/core/previous-death.ts', 'utf8'),
  )?.[1]
  t.strictSame(
    deaths.map(match => match[1]),
    [...(named ?? '').matchAll(/'([a-z0-9-]+)'/g)].map(match => match[1]),
  )
})

t.test('no link of the pages leads nowhere', async t => {
  const anchorsOf = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replace(/ /g, '-'),
    )
  // Code can have the look of a link: `logger[level](rest)`.
  const prose = (name: string): string => page(name).replaceAll(/^```.*?^```/gms, '')
  for (const name of PAGES)
    for (const [, path = '', anchor] of prose(name).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? name : join(dirname(name), path)
      t.ok(existsSync(target), `${name} -> ${target}`)
      if (anchor !== undefined) t.ok(anchorsOf(page(target)).includes(anchor), `${name} -> #${anchor}`)
    }
})
