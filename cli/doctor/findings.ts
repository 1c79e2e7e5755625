// What silently disables the guard, or makes its numbers say less than they seem to: one row each.
import type { Facts } from './facts.ts'
import { GUARD_ROWS } from './findings/guard.ts'
import { MEMORY_ROWS } from './findings/memory.ts'
import type { Finding, Found } from './findings/row.ts'
import { SETTING_ROWS } from './findings/settings.ts'
import { START_ROWS } from './findings/start.ts'

/** In this order: what keeps node from starting, what keeps the guard from running, what keeps it from knowing. */
const ROWS = [...START_ROWS, ...GUARD_ROWS, ...MEMORY_ROWS, ...SETTING_ROWS]

/** Every finding, in the order of the table. Never throws. */
export const findingsIn = (facts: Facts): readonly Finding[] =>
  ROWS.flatMap(({ name, level, look }) => {
    const found = look(facts) ?? []
    return (Array.isArray(found) ? found : [found]).map((one: Found) => ({ name, level, ...one }))
  })
