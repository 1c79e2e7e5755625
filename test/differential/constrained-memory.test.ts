// Each machine of the case tables in front of real Node under the built guard: what the boot line says beside what
// process.constrainedMemory() says. HEAPGUARD_WRITE_TABLE=1 writes the disagreements into docs/cgroup.md.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { LimitFacts } from '../../preload/core/cgroup.ts'
import { bytes, roundedMB } from '../../preload/core/units.ts'
import type { Files } from '../fixtures/cgroup.ts'
import { GUARD, type LogRecord, NODE, recordsIn } from '../preload/node.ts'
import { TABLES } from './cases.ts'
import { canBeLaidOut, enter, layOut, whyNotHere, withSoftLimits } from './machine-on-disk.ts'
import { REASONS } from './reasons.ts'

const DOC = 'docs/cgroup.md'
const [BEGIN, END] = ['<!-- disagreements -->\n', '<!-- /disagreements -->\n']
const ASK = 'JSON.stringify({ constrained: process.constrainedMemory(), machine: require("os").totalmem() })'

/** The one row whose point is that the file is not there. */
const AS_IT_STANDS = 'no memory.high file'

interface Answers {
  readonly boot: LogRecord
  /** process.constrainedMemory() */
  readonly constrained: number
  /** os.totalmem(), by which V8 sizes itself where the above is 0 or larger. */
  readonly machine: number
}

async function ask(name: string, files: Files, { lambdaMemoryMB }: LimitFacts = {}): Promise<Answers> {
  const folder = layOut(name === AS_IT_STANDS ? files : withSoftLimits(files))
  const env = lambdaMemoryMB === undefined ? {} : { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: lambdaMemoryMB }
  const { stdout, stderr } = await enter(folder, [NODE, '--require', GUARD, '-p', ASK], env)
  rmSync(folder, { recursive: true })
  const [boot] = recordsIn(stderr)
  if (boot?.event !== 'heap-validated') throw new Error(`no boot line: ${stderr}`)
  return { boot, ...JSON.parse(stdout) }
}

/** What the boot line must say, from what the reader must return. */
function bootLineOf(want: object): object {
  const { kind, limitBytes, path, source, reason } = want as Record<string, unknown>
  if (kind === 'limited')
    return {
      containerMemoryMB: roundedMB(bytes(limitBytes as number)),
      containerMemorySource: source ?? /^cgroup-v[12]$/,
      containerMemoryPath: path,
    }
  const { source: inside, flags } = reason as RegExp
  const because = new RegExp(`is not known \\(${inside.replace(/^\^/, '').replace(/\$$/, '\\), 512 MB')}`, flags)
  const anywhere = new RegExp(`is not known \\(.*${inside}`, flags)
  return {
    containerMemoryMB: 512,
    containerMemorySource: 'default',
    containerMemoryPath: undefined,
    msg: inside.startsWith('^') ? because : anywhere,
  }
}

const disagreements = new Map<string, string[]>()

/** Notes a disagreement by its reason; returns whether there is one. */
function note(name: string, { boot, constrained, machine }: Answers): boolean {
  const isLimited = boot.containerMemorySource !== 'default'
  const nodeSees = constrained > 0 && constrained < machine ? constrained : machine
  const nodeSeesMB = roundedMB(bytes(nodeSees))
  if (isLimited ? boot.containerMemoryMB === nodeSeesMB : nodeSees === machine) return false
  const ours = isLimited ? `${boot.containerMemoryMB} MB` : 'no limit'
  const nodes = nodeSees === machine ? 'no limit' : nodeSeesMB < 1 ? `${nodeSees} B` : `${nodeSeesMB} MB`
  const reason = REASONS[name] ?? 'no reason is known'
  disagreements.set(reason, [...(disagreements.get(reason) ?? []), `${name}: ${ours} / ${nodes}`])
  return true
}

const why = await whyNotHere()
if (why !== undefined) t.pass('the guard and Node on the same machines', { skip: why })
else
  t.test('the guard and Node on the same machines', async t => {
    const rows = TABLES.flatMap(([, rows]) => rows)
    t.test('the boot line says what the reader must find', { jobs: 2 }, async t => {
      for (const [name, files, want, facts] of rows)
        if (!canBeLaidOut(files)) t.pass(name, { skip: "only Node's permission model says so, no file does" })
        else
          t.test(name, async t => {
            const answers = await ask(name, files, facts)
            t.match(answers.boot, bootLineOf(want))
            t.equal(note(name, answers), name in REASONS, `Node: ${answers.constrained} of ${answers.machine}`)
          })
    })
    t.test(`the disagreements are those that ${DOC} shows`, async t => {
      const lines = [...new Set(Object.values(REASONS))].map(
        reason => `| ${reason} | ${(disagreements.get(reason) ?? []).sort().join('<br>')} |\n`,
      )
      const table = `${BEGIN}| why | case: guard / Node |\n|---|---|\n${lines.join('')}${END}`
      const doc = readFileSync(DOC, 'utf8')
      const [from, to] = [doc.indexOf(BEGIN), doc.indexOf(END) + END.length]
      const recorded = doc.slice(from, to)
      if (process.env.HEAPGUARD_WRITE_TABLE === '1') writeFileSync(DOC, doc.slice(0, from) + table + doc.slice(to))
      else t.equal(recorded, table)
    })
  })
