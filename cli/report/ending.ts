// How a process ended, in a sentence that claims no more than the log shows.
import type { PreviousDeath, ProcessEnd } from './document.ts'

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

/** In a few words; whatever else a log may say there is told as it stands. */
const DEATHS: Readonly<Record<string, string>> = {
  'v8-heap-limit': "V8's heap limit",
  'kernel-oom': 'killed by the kernel',
  'stopped-from-outside': 'stopped from outside',
  'killed-from-outside': 'killed from outside',
  crash: 'crashed',
}
const BY_MEMORY = ['v8-heap-limit', 'kernel-oom', 'crash']

/** What the next start found out, which knows more than the lines before the end. */
function told({ death, confidence, msg }: PreviousDeath): Ending {
  const sureness = confidence === 'certain' ? '' : confidence === 'likely' ? ', most likely' : ', possibly'
  return {
    text: `The log stops; the next start says of it: ${msg}`,
    short: `${DEATHS[death] ?? death}${sureness}`,
    isBad: BY_MEMORY.includes(death),
  }
}

function noLastLine(end: Extract<ProcessEnd, { kind: 'no-last-line' }>): Ending {
  const { pressed, signal, containerRatio, death } = end
  if (death !== undefined && death.death !== 'not-known') return told(death)
  const percent = containerRatio === undefined ? undefined : `${(containerRatio * 100).toFixed(1)} %`
  const share = percent === undefined ? '' : ` at ${percent} of the container`
  const isNear = containerRatio !== undefined && containerRatio >= NEAR_LIMIT
  if (signal !== undefined && (isNear || pressed !== undefined)) {
    // A drain may take until the grace period is over, or until the memory is full: both are a SIGKILL.
    const under = pressed === undefined ? '' : ` under pressure on ${pressed}`
    return {
      text: `The log stops after ${signal}${under}${share}: stopped from outside, or memory was first.`,
      short: `stopped by ${signal}, or by memory`,
      isBad: true,
    }
  }
  if (isNear)
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
