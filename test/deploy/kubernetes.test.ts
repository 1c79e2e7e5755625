// The Kubernetes manifests: rendered, checked against the API's schemas and types, and against each other.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { documents, type Json, load, missing, typeFaults, works } from './checks.ts'
import { checkEnvironment, megabytes } from './settings.ts'

const RENDER = works('kubectl', 'kustomize', '--help')
  ? (['kubectl', ['kustomize']] as const)
  : works('kustomize', 'version')
    ? (['kustomize', ['build']] as const)
    : undefined
const skip = missing ?? (RENDER === undefined ? 'no kubectl and no kustomize here' : false)
const rendered = (folder: string): Json[] => {
  if (RENDER === undefined) throw new Error('nothing renders')
  return documents(execFileSync(RENDER[0], [...RENDER[1], folder], { encoding: 'utf8' }))
}

interface Container {
  readonly name: string
  readonly image: string
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly resources: { readonly limits: { readonly memory: string }; readonly requests: { readonly memory: string } }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
  readonly terminationMessagePath?: string
  readonly securityContext?: Json
}
interface Pod {
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string; readonly emptyDir?: Json; readonly image?: Json }[]
}

const K8S = "import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'"

for (const folder of ['deploy/kubernetes/image', 'deploy/kubernetes/example', 'deploy/kubernetes/example-image-volume'])
  t.test(`${folder}: rendered and checked`, { skip }, async t => {
    const all = rendered(folder)
    t.equal(all.length, 1)
    const [deployment = {}] = all
    t.match(deployment, { apiVersion: 'apps/v1', kind: 'Deployment' })
    const { Deployment } = load('kubernetes-models/apps/v1/Deployment')
    t.doesNotThrow(() => new Deployment(deployment).validate(), "the API's schema")
    t.strictSame(typeFaults(K8S, 'IDeployment', deployment), [], 'no key that the API does not know')

    const { spec } = deployment as { spec: { template: { spec: Pod } } }
    const pod = spec.template.spec
    for (const { volumeMounts, name } of [...(pod.initContainers ?? []), ...pod.containers])
      for (const mount of volumeMounts)
        t.ok(
          pod.volumes.some(volume => volume.name === mount.name),
          `${name} mounts ${mount.name}`,
        )
    const [app] = pod.containers
    t.equal(app?.name, 'app')
    if (app === undefined) return
    t.equal(app.resources.limits.memory, app.resources.requests.memory)
    t.equal(app.terminationMessagePath, '/dev/termination-log', 'where the guard looks')
    const env = Object.fromEntries((app.env ?? []).map(({ name, value }) => [name, value]))
    checkEnvironment(t, env, megabytes(app.resources.limits.memory))
    const evidence = app.volumeMounts.find(({ mountPath }) => mountPath === env.HEAPGUARD_DIR)
    t.ok(pod.volumes.find(({ name }) => name === evidence?.name)?.emptyDir, 'an emptyDir holds the evidence')
    if (folder === 'deploy/kubernetes/image') return t.notOk('NODE_OPTIONS' in env, "the image's own stays")
    const guard = app.volumeMounts.find(({ mountPath }) => mountPath === '/opt/heapguard')
    t.equal(guard?.readOnly, true)
    const source = pod.volumes.find(({ name }) => name === guard?.name)
    if (source?.image) t.match(source.image, { reference: 'heapguard' })
    else
      t.ok(
        pod.initContainers?.[0]?.volumeMounts.some(({ name }) => name === guard?.name),
        'and is filled before',
      )
  })

t.test('the checks refuse what is wrong', { skip }, async t => {
  const [right = {}] = rendered('deploy/kubernetes/example')
  const broken = (change: (container: Record<string, unknown>) => void) => {
    const copy = structuredClone(right) as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } }
    const [container] = copy.spec.template.spec.containers
    if (container) change(container)
    return copy
  }
  const { Deployment } = load('kubernetes-models/apps/v1/Deployment')
  const numeric = broken(container => {
    container.image = 5
  })
  t.throws(() => new Deployment(numeric).validate(), /image must be string/)
  const misspelt = broken(container => {
    container.volumeMount = []
  })
  t.match(typeFaults(K8S, 'IDeployment', misspelt), [/'volumeMount'|"volumeMount"/])
})

t.test("the injection changes nothing else of somebody's app", { skip }, async t => {
  const [before = {}] = documents(readFileSync('deploy/kubernetes/example-app/deployment.yaml', 'utf8'))
  const [after = {}] = rendered('deploy/kubernetes/example')
  const appOf = (deployment: Json) =>
    (deployment as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } }).spec.template.spec
      .containers[0] ?? {}
  const [had, has] = [appOf(before), appOf(after)]
  const [hadEnv, hasEnv] = [had.env as Json[], has.env as Json[]]
  for (const variable of hadEnv)
    t.match(
      hasEnv.filter(({ name }) => name === variable.name),
      [variable],
    )
  delete had.env
  t.match(after, before, 'all of it is still there')
})
