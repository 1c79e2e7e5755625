// The wording of HEAPGUARD_AUTOSIZE.
import type { Marker } from './autosize.ts'
import type { Entry } from './record.ts'
import { mb } from './report.ts'
import { type Bytes, roundedMB } from './units.ts'

/** `resized`: this process was started again with a heap that fits. */
export const resized = ({ fromMB, flags }: Marker, heapLimitBytes: Bytes, containerBytes: Bytes): Entry => ({
  level: 'info',
  event: 'resized',
  msg: `V8's heap limit was ${fromMB} MB in a container of ${mb(containerBytes)}: HEAPGUARD_AUTOSIZE started this process again, in place, with ${flags}, and it is ${mb(heapLimitBytes)} now. With these flags in NODE_OPTIONS the restart is saved.`,
  fields: { fromMB, heapLimitMB: roundedMB(heapLimitBytes), remedy: flags },
})

/** `evidence-problem`: the heap does not fit, and the process cannot be started again. */
export const cannotResize = (reason: string, flags: string): Entry => ({
  level: 'warn',
  event: 'evidence-problem',
  msg: `HEAPGUARD_AUTOSIZE cannot start this process again (${reason}). In NODE_OPTIONS, put ${flags} in the place of the heap flags and keep the rest.`,
  fields: { what: 'autosize', reason },
})
