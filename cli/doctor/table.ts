// The diagnosis for people.
import Table from 'cli-table3'
import type { Colors } from 'picocolors/types.js'
import { NOT_HEAP_LEAST_MB } from '../../preload/core/remedy.ts'
import { bytesToMB, roundedMB } from '../../preload/core/units.ts'
import { printable } from '../printable.ts'
import { wrapped } from '../wrap.ts'
import { bars } from './bars.ts'
import { type Diagnosis, type Judgement, STATUS, toldVerdict } from './diagnosis.ts'
import { explanation } from './explanation.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './findings/row.ts'

declare const HEAPGUARD_VERSION: string

type Row = readonly [what: string, value: string, from: string]

/** What it is called where people read it. */
const WORDS = {
  fits: 'IT FITS',
  low: 'IT FITS, but leaves memory unused',
  tight: 'TIGHT',
  exceeds: 'DOES NOT FIT',
  'not-known': 'COULD NOT TELL',
} as const

/** All of it as text: the table, the verdict, what to set, what else was found. */
export function doctorTable(facts: Facts, diagnosis: Diagnosis, paint: Colors, columns: number): string {
  const { judgement, nodeOptions, tried, findings } = diagnosis
  const width = Math.min(columns, 120)
  const nodeVersion = facts.answer.kind === 'told' ? `, Node ${facts.answer.nodeVersion}` : ''
  const parts = [
    `${paint.bold(`heapguard doctor ${HEAPGUARD_VERSION}`)}: ${printable(facts.subject.title)}${nodeVersion}`,
  ]
  parts.push(aligned(rowsOf(facts, judgement), paint))
  const drawn = judgement === undefined ? [] : bars(judgement, facts.settings.warnPercent, width, paint)
  if (drawn.length > 0) parts.push(drawn.join('\n'))
  parts.push(`${headline(diagnosis, paint)}\n${wrapped(printable(explanation(facts, diagnosis)), width)}`)
  const wouldNotStart = findings.some(({ level }) => level === 'error')
  const found = findingsText(findings, wouldNotStart, width, paint)
  const set = nodeOptions === undefined ? [] : [setText(nodeOptions, tried, width, paint)]
  parts.push(...(wouldNotStart ? [...found, ...set] : [...set, ...found]))
  return `${parts.join('\n\n')}\n`
}

function setText(nodeOptions: string, tried: Judgement | undefined, width: number, paint: Colors): string {
  const outcome = tried === undefined ? '' : `\n\n${wrapped(outcomeOf(tried), width)}`
  return `Set\n\n  ${paint.bold(`NODE_OPTIONS=${shellQuoted(printable(nodeOptions))}`)}${outcome}`
}

/** What keeps node from starting is told first, the rest beside the verdict. */
function findingsText(findings: readonly Finding[], isFirst: boolean, width: number, paint: Colors): readonly string[] {
  if (findings.length === 0) return []
  const lines = findings.map(({ name, level, msg, remedy }) => {
    const mark = level === 'error' ? paint.red('✗') : paint.yellow('!')
    const told = wrapped(`${name}: ${printable(msg)}`, width - 2, '  ').slice(name.length)
    return `${mark} ${paint.bold(name)}${told}\n  ${paint.dim('→')} ${wrapped(printable(remedy), width - 4, '    ')}`
  })
  return [`${isFirst ? 'Found' : 'Found beside it'}\n\n${lines.join('\n')}`]
}

function aligned(rows: readonly Row[], paint: Colors): string {
  const chars = Object.fromEntries(
    'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle'
      .split(' ')
      .map(name => [name, name === 'middle' ? '  ' : '']),
  )
  const table = new Table({
    chars,
    head: ['what', 'MB', 'where the number comes from'].map(word => paint.dim(word)),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: ['left', 'right', 'left'],
  })
  for (const [what, value, from] of rows) table.push([what, value, paint.dim(printable(from))])
  return table.toString().replace(/ +$/gm, '')
}

function rowsOf({ kernelLimit, usage, settings, subject }: Facts, judgement: Judgement | undefined): Row[] {
  const rows: Row[] = []
  const isKnown = judgement?.budget.container.source !== 'default'
  if (judgement !== undefined && isKnown) {
    const { bytes, source, path } = judgement.budget.container
    rows.push(['container memory', mb(bytes), source === 'env' ? `set: ${path}` : `${source}: ${path}`])
  } else {
    const found = kernelLimit.kind === 'limited'
    rows.push([
      'container memory',
      found ? mb(kernelLimit.limitBytes) : 'not known',
      found ? `${kernelLimit.source}: ${kernelLimit.path}` : kernelLimit.reason,
    ])
  }
  if (kernelLimit.kind !== 'unknown' && kernelLimit.soft !== undefined)
    rows.push(['slowed down from', mb(kernelLimit.soft.limitBytes), kernelLimit.soft.path])
  const inUse = usage?.workingSetBytes ?? usage?.usageBytes
  if (inUse !== undefined)
    rows.push([
      'in use now',
      mb(inUse),
      `${usage?.workingSetBytes === undefined ? 'usage' : 'working set'}${subject.sharesGroup ? ', this command included' : ''}`,
    ])
  if (judgement === undefined) return rows
  const { budget, oldSpaceLimit } = judgement
  const { heapLimitBytes, container, ceiling, nodeSeesBytes } = budget
  if (nodeSeesBytes !== undefined)
    rows.push(['memory that Node sees', mb(nodeSeesBytes), "process.constrainedMemory(), else the machine's"])
  rows.push([
    "V8's heap limit",
    mb(heapLimitBytes),
    subject.sharesGroup ? 'heap_size_limit of a node started with these flags' : 'the flag, and what V8 adds to it',
  ])
  rows.push([
    'V8 gives up at',
    mb(ceiling.bytes),
    oldSpaceLimit.kind === 'set' ? `${oldSpaceLimit.text} (${oldSpaceLimit.from})` : "no heap flag: V8's own choice",
  ])
  if (!isKnown) return rows
  rows.push([
    'left for what is not heap',
    String(Math.round((bytesToMB(container.bytes) - bytesToMB(heapLimitBytes)) * 10) / 10),
    `container less heap limit; ${NOT_HEAP_LEAST_MB} is the least`,
  ])
  rows.push([
    'heap of the container',
    `${((heapLimitBytes * 100) / container.bytes).toFixed(1)} %`,
    `at most ${settings.warnPercent} % (${settings.warnPercent === 85 ? 'default of HEAPGUARD_WARN_PERCENT' : 'HEAPGUARD_WARN_PERCENT'})`,
  ])
  return rows
}

const mb = (value: Parameters<typeof roundedMB>[0]): string => String(roundedMB(value))

function headline(diagnosis: Diagnosis, paint: Colors): string {
  const { autosized, status, findings } = diagnosis
  if (findings.some(({ level }) => level === 'error')) return paint.red(paint.bold('NODE WOULD NOT START'))
  if (autosized !== undefined && status !== 2 && STATUS[autosized.judgement.verdict.kind] === 0)
    return paint.green(paint.bold('IT FITS, once the guard has started it again'))
  const color = [paint.green, paint.red, paint.yellow][status] ?? paint.yellow
  return color(paint.bold(WORDS[toldVerdict(diagnosis)]))
}

/** The remedy was tried on a fresh node: what that said. */
function outcomeOf({ budget: { heapLimitBytes, container }, verdict }: Judgement): string {
  const has = `Tried: with these node has a heap limit of ${mb(heapLimitBytes)} MB`
  return verdict.kind === 'not-known'
    ? `${has}; what the container has is not known.`
    : `${has}, ${((heapLimitBytes * 100) / container.bytes).toFixed(1)} % of the container: ${WORDS[verdict.kind].toLowerCase()}.`
}

/** For a shell or a Dockerfile's ENV line. */
const shellQuoted = (value: string): string => `"${value.replace(/["\\$`]/g, '\\$&')}"`
