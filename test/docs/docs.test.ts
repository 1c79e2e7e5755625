// Every command in docs/ is run, where what it needs is there; and the pages speak of what there is.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { docker, whyNoDocker } from '../container/docker.ts'
import { emptyFolder, NODE } from '../preload/node.ts'
import { blocksIn } from './blocks.ts'

const PAGES = readdirSync('docs').filter(name => name.endsWith('.md'))
const page = (name: string): string => readFileSync(join('docs', name), 'utf8')

const noDocker = await whyNoDocker()
const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0
const noCluster = works('kubectl', 'get', 'pods', '--request-timeout=2s') ? undefined : 'no Kubernetes cluster here'

/** What a command needs, by a word in it. */
const NEEDS: readonly (readonly [word: RegExp, missing: string | undefined])[] = [
  [/\bkubectl\b/, noCluster],
  [/\bdocker\b|\$CONTAINER|\$IMAGE/, noDocker],
]

const image = `heapguard-test:docs-${process.pid}`
const container = `heapguard-test-docs-${process.pid}`
const bin = emptyFolder()

t.before(async () => {
  // npx heapguard, as if the package were installed.
  const cli = resolve('dist/heapguard.js')
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\n[ "$1" = heapguard ] || exit 64\nshift\nexec ${NODE} ${cli} "$@"\n`)
  chmodSync(join(bin, 'npx'), 0o755)
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
})

for (const name of PAGES)
  for (const { line, commands, status } of blocksIn(page(name))) {
    const skip = NEEDS.find(([word, missing]) => word.test(commands) && missing !== undefined)?.[1] ?? false
    t.test(`docs/${name}:${line}`, { skip }, async t => {
      const env = [
        `PATH=${bin}:${process.env.PATH}`,
        `HOME=${process.env.HOME}`,
        `IMAGE=${image}`,
        `CONTAINER=${container}`,
        'POD=none',
      ]
      const words = ['-i', ...env, 'sh', '-eu', '-c', commands]
      const end = spawnSync('env', words, { cwd: emptyFolder(), encoding: 'utf8', timeout: 60_000 })
      if (end.status !== status) t.comment(`${end.stdout}${end.stderr}`.slice(-2000))
      t.equal(end.status, status, 'exit status')
    })
  }

t.test('each event and each cause of the code has its paragraph in the runbook, and no other', async t => {
  const runbook = page('runbook.md')
  const events = (runbook.split('\n## The events\n')[1] ?? '').split('\n## ')[0] ?? ''
  const headings = [...events.matchAll(/^### ([a-z-]+)/gm)].map(match => match[1])
  const wording = readdirSync('preload/core').map(file => readFileSync(join('preload/core', file), 'utf8'))
  const said = wording.flatMap(text => [...text.matchAll(/event: '([a-z-]+)'/g)].map(match => match[1]))
  t.strictSame(new Set(headings), new Set(said))
  const causes = [...(runbook.split('\n## The causes\n')[1] ?? '').matchAll(/^### ([a-z]+)$/gm)].map(match => match[1])
  const kinds = /CauseKind = (.*)/.exec(readFileSync('preload/core/cause.ts', 'utf8'))?.[1] ?? ''
  t.strictSame(new Set(causes), new Set([...kinds.matchAll(/'(\w+)'/g)].map(match => match[1])))
})

t.test('no link of the pages leads nowhere', async t => {
  const anchorsOf = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replace(/ /g, '-'),
    )
  for (const name of PAGES)
    for (const [, path = '', anchor] of page(name).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? name : path
      t.ok(existsSync(join('docs', target)), `${name} -> ${target}`)
      if (anchor !== undefined) t.ok(anchorsOf(page(target)).includes(anchor), `${name} -> #${anchor}`)
    }
})
