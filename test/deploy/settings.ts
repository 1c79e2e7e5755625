// What every recipe has to get right: the guard's variables, and a heap that fits the container it is given.
import type { Test } from 'tap'
import { describeSettings } from '../../preload/core/describe-settings.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { readWatchSettings } from '../../preload/core/watch-settings.ts'

const KNOWN = new Set(describeSettings().map(({ variable }) => variable))
/** V8's share at most. */
const MOST_SHARE = 0.85
/** What V8 adds at most for its young generation on any major: where it sees a limit of up to 512 MB, and where it sees none. */
const YOUNG_MB = { shown: 12, hidden: 192 }

/** Kubernetes' quantities and docker's, as far as the recipes use them. */
export function megabytes(quantity: unknown): number {
  const [, number, unit = ''] = /^(\d+)(Mi|m|Gi|g)$/.exec(String(quantity)) ?? []
  if (number === undefined) throw new Error(`no size: ${quantity}`)
  return Number(number) * (/g/i.test(unit) ? 1024 : 1)
}

/** Asserts that this environment means what it should in a container of that size. `limit`: whether V8 sees it. */
export function checkEnvironment(
  t: Test,
  env: Readonly<Record<string, string>>,
  containerMB: number,
  limit: 'shown' | 'hidden' = 'shown',
): void {
  for (const name of Object.keys(env))
    if (/^(HEAPGUARD_|CONTAINER_MEMORY)/.test(name)) t.ok(KNOWN.has(name), `${name} is a setting`)
  const { settings, problems } = readSettings(name => env[name])
  t.strictSame(problems, [])
  t.strictSame(readWatchSettings(name => env[name], settings.warnPercent).problems, [])
  if (settings.containerMemoryMB !== undefined) t.equal(settings.containerMemoryMB, containerMB)
  const { NODE_OPTIONS } = env
  if (NODE_OPTIONS === undefined) return
  const heapMB = Number(/--max-old-space-size=(\d+)/.exec(NODE_OPTIONS)?.[1])
  const [, semiSpaceMB] = /--max-semi-space-size=(\d+)/.exec(NODE_OPTIONS) ?? []
  const youngMB = semiSpaceMB === undefined ? YOUNG_MB[limit] : 3 * Number(semiSpaceMB)
  t.ok(heapMB + youngMB <= containerMB * MOST_SHARE, `${heapMB} and ${youngMB} MB of heap in ${containerMB} MB`)
  t.match(NODE_OPTIONS, / --require (\/opt\/heapguard\/preload\.js|heapguard)$/)
}
