// What keeps node from starting, or from reading NODE_OPTIONS as they were meant.
import { splitNodeOptions } from '../../../preload/core/node-options.ts'
import { type MisreadOptions, parseNodeOptions } from '../options.ts'
import type { Found, Row } from './row.ts'

const FAULTS: Readonly<Record<MisreadOptions['fault'], Found>> = {
  'white-space': {
    msg: 'NODE_OPTIONS holds a line break or a tab, and Node takes its options apart at spaces alone: what stands around it is one word.',
    remedy: 'Write it on one line (in YAML >- in the place of |), as shown.',
  },
  quotes: {
    msg: 'NODE_OPTIONS stands in quotes that are part of its value (docker --env-file and lists in compose keep them), so Node does not see the options in it.',
    remedy: 'Write it without these quotes, as shown.',
  },
}

export const START_ROWS: readonly Row[] = [
  {
    name: 'badly-written',
    level: 'warn',
    look: ({ meant }) => (meant === undefined ? undefined : FAULTS[meant.fault]),
  },
  {
    name: 'refused-flag',
    level: 'error',
    look: ({ answer }) =>
      answer.kind === 'refused'
        ? {
            msg: `Node does not start with these options (exit 9): ${answer.reason}`,
            remedy: 'Take the flag out of NODE_OPTIONS, or off the command line; a newer Node may know it.',
          }
        : undefined,
  },
  {
    name: 'dies-at-start',
    level: 'error',
    look: ({ answer }) =>
      answer.kind === 'dies'
        ? {
            msg: `Node dies before it runs a line (${answer.reason}): with these options its heap is too small even for its start.`,
            remedy: 'Give it a larger heap.',
          }
        : undefined,
  },
  {
    name: 'missing-preload',
    level: 'error',
    look: ({ preloads }) =>
      preloads
        .filter(({ isThere }) => !isThere)
        .map(({ named }) => ({
          msg: `${named} is not there or cannot be read, so every node process ends with 1 before it begins.`,
          remedy: 'Copy it into the final stage of the image, before the ENV line, readable for the user that runs.',
        })),
  },
  {
    name: 'ignored-words',
    level: 'warn',
    look: ({ subject, meant }) => {
      if (meant !== undefined) return undefined
      const words = splitNodeOptions(subject.nodeOptions ?? '') ?? []
      const { rest } = parseNodeOptions(subject.nodeOptions)
      const quoted = words.find(word => word.startsWith("'"))
      const from = rest[0] ?? quoted
      return from === undefined
        ? undefined
        : {
            msg: `Node stops reading NODE_OPTIONS at ${from} and ignores it and all that follows.`,
            remedy:
              'Single quotes mean nothing in NODE_OPTIONS: use none, or double quotes around a value with spaces.',
          }
    },
  },
]
