// The off switch alone, so that it can be read before anything else is.
import { boolean, type ReadVariable } from './setting-rows.ts'

/** HEAPGUARD_ENABLED. Empty means unset; a bad value is not off. */
export function isEnabled(readVariable: ReadVariable): boolean {
  const parsed = boolean((readVariable('HEAPGUARD_ENABLED') ?? '').trim())
  return parsed.kind === 'refused' || parsed.value
}
