import type { ReportCommand } from '../arguments.ts'
import type { Outcome } from '../doctor/doctor.ts'
export async function report(_c: ReportCommand, _t: { colors: boolean; columns: number }): Promise<Outcome> {
  return { status: 2 }
}
