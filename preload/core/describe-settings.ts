// For the README and for those who ask what there is.
import type { Row } from './setting-rows.ts'
import { TABLE } from './settings.ts'
import { watchTable } from './watch-settings.ts'

/** Every variable with its default as text, in the order of the README's table. */
export function describeSettings(): { readonly variable: string; readonly fallback: string }[] {
  const { criticalPercent, ...watch } = watchTable(TABLE.warnPercent.fallback)
  const { enabled, containerMemoryMB, warnPercent, ...boot } = TABLE
  const first = [enabled, containerMemoryMB, warnPercent, criticalPercent]
  return [...first, ...Object.values(boot), ...Object.values(watch)].map((row: Row<unknown>) => ({
    variable: row.variable,
    fallback: row.fallbackText ?? String(row.fallback),
  }))
}
