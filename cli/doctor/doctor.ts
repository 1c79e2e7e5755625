// heapguard doctor: find the subject, gather the facts, judge, show.
import { createColors } from 'picocolors'
import type { DoctorCommand } from '../arguments.ts'
import { printable } from '../printable.ts'
import { diagnose } from './diagnosis.ts'
import { askFor, gatherFacts } from './facts.ts'
import { doctorJson, withoutSubject } from './json.ts'
import { findSubject } from './subject.ts'
import { doctorTable } from './table.ts'

/** What a command leaves behind. */
export interface Outcome {
  readonly status: number
  readonly stdout?: string
  readonly stderr?: string
}

/** Runs the doctor. `colors`: whether stdout shows them; `columns`: how wide it is. */
export function doctor(command: DoctorCommand, colors: boolean, columns: number): Outcome {
  const found = findSubject(command)
  if (found.kind === 'none') return couldNot(command, found.reason)
  const facts = gatherFacts(found.subject)
  const diagnosis = diagnose(facts, command.strict, (subject, nodeOptions) =>
    askFor(subject, facts.kernelLimit, nodeOptions),
  )
  const stdout = command.json
    ? jsonText(doctorJson(facts, diagnosis))
    : doctorTable(facts, diagnosis, createColors(colors), columns)
  return { status: diagnosis.status, stdout }
}

/** A program that asked for JSON reads stdout and nothing else. */
const couldNot = ({ json }: DoctorCommand, reason: string): Outcome =>
  json
    ? { status: 2, stdout: jsonText(withoutSubject(reason)) }
    : { status: 2, stderr: `heapguard doctor: ${printable(reason)}\n` }

const jsonText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
