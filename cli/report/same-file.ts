// Whether two names mean one file.
import { type BigIntStats, fstatSync, statSync } from 'node:fs'

/** Would writing to `path` write into the log ('-': stdin)? Links are followed. False where either cannot be looked at. */
export function isTheLog(path: string, log: string): boolean {
  const [page, read] = [
    looked(() => statSync(path, BIG)),
    looked(() => (log === '-' ? fstatSync(0, BIG) : statSync(log, BIG))),
  ]
  return page !== undefined && read !== undefined && page.isFile() && page.dev === read.dev && page.ino === read.ino
}

const BIG = { bigint: true } as const

function looked(look: () => BigIntStats): BigIntStats | undefined {
  try {
    return look()
  } catch {
    return undefined // not there, or not to be seen: whoever opens it says why
  }
}
