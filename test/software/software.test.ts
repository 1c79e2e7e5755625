// Real software under the guard: each case with an empty preload and with the guard at its defaults. How it ended, what it
// said and what it left behind must be equal. HEAPGUARD_SOFTWARE names the folders to run (see installed.mjs), `suites` or `quick`.
import { appendFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { EMPTY, GUARD } from '../preload/node.ts'
import { asBare, asGuarded, MAJOR, type Ran, runCase, type Seen } from '../transparency/harness.ts'
import type { Software } from './case.ts'
import { builds } from './cases/builds.ts'
import { exits } from './cases/exits.ts'
import { installers } from './cases/installers.ts'
import { managers } from './cases/managers.ts'
import { servers } from './cases/servers.ts'
import { testers } from './cases/testers.ts'
import { tracers } from './cases/tracers.ts'
import { install, SOFTWARE } from './installed.mjs'
import { casesOf, suiteFolders } from './suites.ts'

const cases: Readonly<Record<string, Software>> = {
  ...exits,
  ...servers,
  ...testers,
  ...managers,
  ...builds,
  ...installers,
  ...tracers,
}
const asked = (process.env.HEAPGUARD_SOFTWARE ?? '').split(/[\s,]+/).filter(Boolean)
const results = process.env.HEAPGUARD_SOFTWARE_RESULTS

/** What run.mjs makes its table of. */
interface Row {
  readonly major: number
  readonly packages: string
  readonly name: string
  readonly exit: boolean
  readonly signal: boolean
  readonly output: boolean
  readonly files: boolean
  /** What the script saw of its process. */
  readonly inside: boolean
  /** It did what it meant to do. */
  readonly wanted: boolean
  /** How many outcomes it has without the guard: more than one where it is a race. */
  readonly outcomes: number
  /** The code or the signal of the end. */
  readonly end: string
}

const note = (row: Omit<Row, 'major'> | { packages: string; name: string; skip: string }): void => {
  if (results) appendFileSync(results, `${JSON.stringify({ major: MAJOR, ...row })}\n`)
}
const packagesOf = (folder: string): string => {
  const [first] = Object.entries((SOFTWARE as Record<string, Record<string, string>>)[folder] ?? {})
  return (first ?? [folder]).join(' ')
}

/** Is it one that was asked for? */
const isAsked = ({ folder, quick = false }: Software): boolean =>
  asked.length === 0 || asked.includes(folder) || (asked.includes('quick') && quick)

/** How often both are run again where they differ, to see whether the software differs from itself without the guard. */
const MOST_RUNS = 5

async function runSoftware(t: Test, name: string, one: Software): Promise<void> {
  const packages = packagesOf(one.folder)
  const under = await install(one.folder)
  const run = (preload: string): Promise<Ran> => runCase({ ...one, under }, preload, 'default')
  const outcomes: Seen[] = []
  const runBare = async (): Promise<Seen> => {
    const { seen } = await run(EMPTY)
    const outcome = asBare(seen)
    if (!outcomes.some(other => isDeepStrictEqual(other, outcome))) outcomes.push(outcome)
    return seen
  }
  const bare = await runBare()
  const wanted = t.match(bare, one.want, 'it did what it meant to do')
  const runGuarded = async (): Promise<Ran> => {
    const ran = await run(GUARD)
    return { ...ran, seen: asGuarded(ran.seen, bare) }
  }
  let guarded = await runGuarded()
  const sameOutcome = (): Seen | undefined => outcomes.find(outcome => isDeepStrictEqual(outcome, guarded.seen))
  for (let runs = 1; sameOutcome() === undefined && runs < MOST_RUNS; runs++) {
    await runBare()
    // Only what differs from itself without the guard may have another try with it.
    if (outcomes.length > 1 && sameOutcome() === undefined) guarded = await runGuarded()
  }
  const base = sameOutcome() ?? asBare(bare)
  t.strictSame(guarded.seen, base, 'the same with the guard as without')
  const events = guarded.records.map(record => record.event)
  if (one.silent === undefined) t.ok(events.includes('heap-validated'), `the guard was there: ${events}`)
  if (one.says !== undefined) t.match(guarded.stdout, one.says, 'what a service says is passed on')
  const { seen } = guarded
  note({
    packages,
    name,
    exit: seen.code === base.code,
    signal: seen.signal === base.signal,
    output: seen.stdout === base.stdout && seen.stderr === base.stderr,
    files: isDeepStrictEqual([seen.files, seen.texts], [base.files, base.texts]),
    inside: isDeepStrictEqual(seen.looks, base.looks),
    wanted,
    outcomes: outcomes.length,
    end: `${seen.signal ?? seen.code}`,
  })
}

t.jobs = 2
for (const [name, one] of Object.entries(cases)) if (isAsked(one)) add(t, name, one)
for (const folder of suiteFolders)
  if (asked.length === 0 || asked.includes(folder) || asked.includes('suites'))
    t.test(folder, async t => {
      t.jobs = 2
      for (const [name, one] of Object.entries(await casesOf(folder))) add(t, name, one)
    })

function add(t: Test, name: string, one: Software): void {
  const { from = 20, to = 99 } = one
  const packages = packagesOf(one.folder)
  const skip = one.skip ?? (MAJOR < from || MAJOR > to ? `not on Node ${MAJOR}` : undefined)
  if (skip === undefined) t.test(`${packages}: ${name}`, async t => runSoftware(t, name, one))
  else {
    note({ packages, name, skip })
    t.test(`${packages}: ${name}`, { skip }, async () => {})
  }
}
