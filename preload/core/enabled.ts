// The off switch alone, so that it can be read before anything else is.
import type { ReadVariable } from './setting-rows.ts'

/** A switch's text as set, HEAPGUARD_ENABLED above all. Empty means unset; a bad value is not off. */
export const isOff = (text = ''): boolean => ['false', '0', 'off', 'no'].includes(text.trim().toLowerCase())

/** Is the guard on? */
export const isEnabled = (readVariable: ReadVariable): boolean => !isOff(readVariable('HEAPGUARD_ENABLED'))
