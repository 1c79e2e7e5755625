// What the main thread and the watchdog share: a heartbeat, which rungs have been said, and the main thread's last figures.
import type { Resource, Rung } from '../core/ladder.ts'
import type { ProcessMemory } from '../core/sample.ts'
import { bytes } from '../core/units.ts'

export type Rungs = Readonly<Record<Resource, Rung | undefined>>

export interface Handover {
  readonly memory: SharedArrayBuffer
  /** The main thread's event loop turns. */
  readonly beat: () => void
  readonly beats: () => number
  /** The highest rung that was said in this climb, by either thread. */
  readonly rungs: () => Rungs
  /** Before a line: true where neither thread has said this rung, or a higher one, in this climb; from now on it is said. */
  readonly claim: (resource: Resource, rung: Rung) => boolean
  /** A climb is over. */
  readonly ease: (resource: Resource) => void
  /** In the watchdog: may it connect to the main thread? Not when the process is about to end. */
  readonly connect: () => boolean
  readonly disconnected: () => void
  /** In the watchdog: the process ends, and waits for a connection to be given up. */
  readonly isEnding: () => boolean
  /**
   * In the main thread, at the end: no connection from now on, and waits a moment for one that stands to be given up. Node
   * would wait for it too, and would say on stderr that it waits for a debugger.
   */
  readonly end: () => void
  /** What the main thread last saw of itself. */
  readonly figures: () => ProcessMemory
  readonly setFigures: (figures: ProcessMemory) => void
}

const ORDER: readonly (Rung | undefined)[] = [undefined, 'warn', 'critical']
const BEAT = 0
const CELLS = { heap: 1, container: 2 } as const
const CONNECTION = 3
/** Values of the connection's cell. */
const [NONE, OPEN, ENDING, OVER] = [0, 1, 2, 3] as const
/** The watchdog looks every 50 ms. */
const MOST_WAIT_MS = 300
/** Four whole numbers, then five of double precision. */
const FIGURES_AT = 16
const FIGURES = ['rss', 'heapTotal', 'heapUsed', 'external', 'arrayBuffers'] as const

/** Over the same memory in both threads; without one it is made. */
export function openHandover(memory = new SharedArrayBuffer(FIGURES_AT + 8 * FIGURES.length)): Handover {
  const cells = new Int32Array(memory, 0, FIGURES_AT / 4)
  const doubles = new Float64Array(memory, FIGURES_AT)
  const { load, store, add, exchange, compareExchange, wait, notify } = Atomics
  return {
    memory,
    beat: () => void add(cells, BEAT, 1),
    beats: () => load(cells, BEAT),
    rungs: () => ({ heap: ORDER[load(cells, CELLS.heap)], container: ORDER[load(cells, CELLS.container)] }),
    claim: (resource, rung) => {
      const cell = CELLS[resource]
      const wanted = ORDER.indexOf(rung)
      for (;;) {
        const said = load(cells, cell)
        if (said >= wanted) return false
        if (compareExchange(cells, cell, said, wanted) === said) return true
      }
    },
    ease: resource => void store(cells, CELLS[resource], 0),
    connect: () => compareExchange(cells, CONNECTION, NONE, OPEN) === NONE,
    disconnected: () => {
      if (compareExchange(cells, CONNECTION, OPEN, NONE) === OPEN) return
      store(cells, CONNECTION, OVER)
      notify(cells, CONNECTION)
    },
    isEnding: () => load(cells, CONNECTION) === ENDING,
    end: () => {
      if (exchange(cells, CONNECTION, ENDING) === OPEN) wait(cells, CONNECTION, ENDING, MOST_WAIT_MS)
    },
    figures: () =>
      Object.fromEntries(FIGURES.map((name, at) => [name, bytes(doubles[at] as number)])) as unknown as ProcessMemory,
    setFigures: figures => {
      for (const [at, name] of FIGURES.entries()) doubles[at] = figures[name]
    },
  }
}
