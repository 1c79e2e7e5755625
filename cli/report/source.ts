// Whose line it is, as far as what a collector put around it tells: a service, a pod, a container.
import type { Fields } from './objects.ts'

/** docker compose and swarm: `app-1  | `; kubectl --prefix: `[pod/app-x/app] `. */
const NAMED = /^(?:(\S{1,80}(?: › \S{1,80})?) +[|│] |\[(pod\/[^\]]{1,160})\] )/
/** stern: `app-7d9 app `, names as Kubernetes allows them; a dash in the first tells them from two words of an app. */
const STERN = /^([a-z0-9.]+-[a-z0-9.-]*) ([a-z0-9][a-z0-9-]*) (?=\d{4}-|$)/
/** docker logs --timestamps, CRI's `2026-… stderr F `, logcli's `2026-… {app="x", pod="y"} `. */
const UNNAMED = /^(?:\d{4}-\d\d-\d\d[T ]\S{5,40} +)?(?:std(?:out|err) [FP] )?(?:(\{[^{}]{0,1000}\}) +)?$/
const LABELS = [/[{ ,]pod="([^"]*)"/, /[{ ,]container="([^"]*)"/]

const MOST_TEXT = 160

interface Around {
  readonly source: string | undefined
  /** Was all of it put there by a collector that is known? Else an app may have said it. */
  readonly isCollectors: boolean
}

/** What stands in front of a line's own text. */
export function inFront(prefix: string): Around {
  if (prefix === '') return { source: undefined, isCollectors: true }
  const named = NAMED.exec(prefix) ?? STERN.exec(prefix)
  const rest = UNNAMED.exec(prefix.slice(named?.[0].length ?? 0))
  const labels = rest?.[1] ?? ''
  const names = named?.slice(1) ?? LABELS.map(label => label.exec(labels)?.[1])
  return { source: joined(names), isCollectors: rest !== null }
}

/** Where collectors write the name of the pod, and of the container, beside the line that they wrap in JSON. */
const BESIDE = [
  ['kubernetes.pod_name', 'kubernetes.pod.name', 'resource.labels.pod_name', 'labels.pod', 'pod_name', 'pod'],
  [
    'kubernetes.container_name',
    'kubernetes.container.name',
    'resource.labels.container_name',
    'labels.container',
    'container_name',
    'container.name',
    'container',
  ],
].map(paths => paths.map(path => [path, ...path.split('.')] as const))

/** The pod and the container that a wrapper names, whichever of them it does. */
export const beside = (wrapper: Fields): string | undefined =>
  joined(BESIDE.map(paths => paths.map(([flat, ...keys]) => nameAt(wrapper, flat, keys)).find(isName)))

function nameAt(wrapper: Fields, flat: string, keys: readonly string[]): unknown {
  const walked = keys.reduce<unknown>((value, key) => (value as Fields | null | undefined)?.[key], wrapper)
  return isName(walked) ? walked : wrapper[flat]
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

// docker's own names begin with a slash.
const joined = (names: readonly (string | undefined)[]): string | undefined =>
  names
    .filter(isName)
    .map(name => name.replace(/^\//, ''))
    .join('/')
    .slice(0, MOST_TEXT) || undefined
