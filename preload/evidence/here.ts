// Where this process is, as the flight record's head has it, and what the kernel says of other pids.
import type { FlightHead } from '../core/flight-record.ts'
import { quietly } from '../core/kernel-files.ts'
import { type AskPid, namespaceIn, seatIn, startIn, type Whereabouts } from '../core/whereabouts.ts'
import type { Host } from '../host/host.ts'

export type Here = Whereabouts & Pick<FlightHead, 'hostName'>

/** Never throws: what cannot be read (a permission model, no Linux) is undefined. */
export function readHere({ readText, descriptors, pid }: Pick<Host, 'readText' | 'descriptors' | 'pid'>): Here {
  const read = quietly(readText)
  const startOf = (path: string): string | undefined => {
    const found = startIn(read(path))
    return found === 'none' ? undefined : found.startTicks
  }
  return {
    pid,
    startTicks: startOf('/proc/self/stat'),
    machine: read('/proc/sys/kernel/random/boot_id')?.trim(),
    namespace: namespaceIn(quietly(path => descriptors.readLink(path))('/proc/self/ns/pid')),
    life: startOf('/proc/1/stat'),
    seat: seatIn(read('/proc/self/mountinfo')),
    hostName: read('/proc/sys/kernel/hostname')?.trim(),
  }
}

const { kill } = process

/** Asks /proc, and where that does not show a process (hidepid) the kernel itself, with a signal that is none. */
export const askPid =
  ({ readText }: Pick<Host, 'readText'>): AskPid =>
  pid => {
    const stat = quietly(readText)(`/proc/${pid}/stat`)
    if (stat !== undefined) return startIn(stat)
    try {
      kill.call(process, pid, 0)
      return 'hidden'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'none' : 'hidden'
    }
  }
