// heapguard doctor: find the subject, gather the facts, judge, show.
import { createColors } from 'picocolors'
import type { DoctorCommand } from '../arguments.ts'
import { diagnose } from './diagnosis.ts'
import { askFor, gatherFacts } from './facts.ts'
import { doctorJson } from './json.ts'
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
  if (found.kind === 'none') return { status: 2, stderr: `heapguard doctor: ${found.reason}\n` }
  const facts = gatherFacts(found.subject)
  const diagnosis = diagnose(facts, command.strict, (subject, nodeOptions) =>
    askFor(subject, facts.kernelLimit, nodeOptions),
  )
  const stdout = command.json
    ? `${JSON.stringify(doctorJson(facts, diagnosis), null, 2)}\n`
    : doctorTable(facts, diagnosis, createColors(colors), columns)
  return { status: diagnosis.status, stdout }
}
