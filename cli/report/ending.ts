// How a process ended, in a sentence that claims no more than the log shows.
import type { ProcessEnd } from './document.ts'

/** From this share of the container on a silent end is most likely the kernel's. */
const NEAR_LIMIT = 0.9

export interface Ending {
  readonly text: string
  /** The same in a few words, for a table. */
  readonly short: string
  /** Whether it is bad news. */
  readonly isBad: boolean
}

/** How it ended, as far as that is known. */
export function ending(end: ProcessEnd): Ending {
  switch (end.kind) {
    case 'exit': {
      const how = end.uncaught ? ' after an uncaught exception' : ''
      const short = `exit ${end.exitCode}${end.uncaught ? ', uncaught' : ''}`
      return { text: `Ended with code ${end.exitCode}${how}.`, short, isBad: end.exitCode !== 0 }
    }
    case 'v8-heap-limit':
      return { text: `V8 gave up at its heap limit: ${end.msg}`, short: "V8's heap limit", isBad: true }
    case 'no-last-line':
      return noLastLine(end)
  }
}

function noLastLine({ pressed, signal, containerRatio }: Extract<ProcessEnd, { kind: 'no-last-line' }>): Ending {
  const percent = containerRatio === undefined ? undefined : `${(containerRatio * 100).toFixed(1)} %`
  const share = percent === undefined ? '' : ` at ${percent} of the container`
  if (containerRatio !== undefined && containerRatio >= NEAR_LIMIT)
    return {
      text: `The log stops${share}, without a last line: killed by the kernel (exit 137), most likely.`,
      short: `killed at ${percent}, most likely`,
      isBad: true,
    }
  if (pressed !== undefined)
    return {
      text: `The log stops under pressure on ${pressed}${share}, without a last line.`,
      short: `stops under pressure (${pressed})`,
      isBad: true,
    }
  if (signal !== undefined)
    return {
      text: `The log stops after ${signal}${share}: stopped from outside, not by memory.`,
      short: `stopped by ${signal}`,
      isBad: false,
    }
  return {
    text: `The log stops${share}, without a last line: still running, or killed by something that is not memory.`,
    short: `log stops${percent === undefined ? '' : ` at ${percent}`}`,
    isBad: false,
  }
}
