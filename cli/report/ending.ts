// How a process ended, in a sentence that claims no more than the log shows.
import type { ProcessEnd } from './document.ts'

/** From this share of the container on a silent end is most likely the kernel's. */
const NEAR_LIMIT = 0.9

/** A sentence, and whether it is bad news. */
export function ending(end: ProcessEnd): { readonly text: string; readonly isBad: boolean } {
  switch (end.kind) {
    case 'exit': {
      const how = end.uncaught ? ' after an uncaught exception' : ''
      return { text: `Ended with code ${end.exitCode}${how}.`, isBad: end.exitCode !== 0 }
    }
    case 'v8-heap-limit':
      return { text: `V8 gave up at its heap limit: ${end.msg}`, isBad: true }
    case 'no-last-line':
      return noLastLine(end)
  }
}

function noLastLine({ pressed, signal, containerRatio }: Extract<ProcessEnd, { kind: 'no-last-line' }>) {
  const share = containerRatio === undefined ? '' : ` at ${(containerRatio * 100).toFixed(1)} % of the container`
  if (containerRatio !== undefined && containerRatio >= NEAR_LIMIT)
    return {
      text: `The log stops${share}, without a last line: killed by the kernel (exit 137), most likely.`,
      isBad: true,
    }
  if (pressed !== undefined)
    return { text: `The log stops under pressure on ${pressed}${share}, without a last line.`, isBad: true }
  if (signal !== undefined)
    return { text: `The log stops after ${signal}${share}: stopped from outside, not by memory.`, isBad: false }
  return {
    text: `The log stops${share}, without a last line: still running, or killed by something that is not memory.`,
    isBad: false,
  }
}
