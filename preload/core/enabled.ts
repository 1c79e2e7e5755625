// The off switch alone, so that it can be read before anything else is.
import { FALSE, type ReadVariable } from './setting-rows.ts'

/** HEAPGUARD_ENABLED as set. Empty means unset; a bad value is not off. */
export const isOff = (text = ''): boolean => FALSE.includes(text.trim().toLowerCase())

/** Is the guard on? */
export const isEnabled = (readVariable: ReadVariable): boolean => !isOff(readVariable('HEAPGUARD_ENABLED'))
