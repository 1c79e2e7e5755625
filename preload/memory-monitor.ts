// The watch: an unref'd timer around sample -> record -> log, with its own catch.
import type { HeapBudget } from './core/budget.ts'
import type { Entry } from './core/record.ts'
import { sampleFailed } from './core/report.ts'
import type { Sample } from './core/sample.ts'
import { type Bytes, bytes, type Millis } from './core/units.ts'
import type { Log } from './host/log.ts'

export interface MonitorParts {
  readonly budget: HeapBudget
  /** Time between `memory` lines; 0 = none. */
  readonly intervalMs: Millis
  /** Called first at each tick. */
  readonly onTick: () => void
  readonly log: Log
  /** From the second file: it is loaded at the first tick, not at the start. */
  readonly watch: () => {
    readonly takeSample: () => Sample
    readonly memoryLine: (sample: Sample, budget: HeapBudget, droppedLines: number) => Entry
  }
  /** An unref'd interval; returns its undo. */
  readonly every: (interval: Millis, tick: () => void) => () => void
}

/** Says one `memory` line each interval. start() and stop() are idempotent; nothing here throws or keeps Node alive. */
export class MemoryMonitor {
  private readonly parts: MonitorParts
  private stopTimer: (() => void) | undefined
  private hasFailed = false
  private peakHeapUsed = bytes(0)

  constructor(parts: MonitorParts) {
    this.parts = parts
  }

  start(): void {
    const { intervalMs, every } = this.parts
    if (this.stopTimer !== undefined || intervalMs === 0) return
    this.stopTimer = every(intervalMs, () => this.tick())
  }

  stop(): void {
    this.stopTimer?.()
    this.stopTimer = undefined
  }

  /** Stops with one last `memory` line, where it was running. */
  stopWithLastLine(): void {
    if (this.stopTimer === undefined) return
    this.stop()
    this.tick()
  }

  /** The most V8 heap in use in any sample. */
  get peakHeapUsedBytes(): Bytes {
    return this.peakHeapUsed
  }

  private tick(): void {
    const { budget, log, onTick, watch } = this.parts
    try {
      onTick()
      const { takeSample, memoryLine } = watch()
      const sample = takeSample()
      if (sample.memory.heapUsed > this.peakHeapUsed) this.peakHeapUsed = sample.memory.heapUsed
      log.say(memoryLine(sample, budget, log.droppedLines()))
    } catch (error) {
      // One bad sample does not end the watch; it is said once.
      if (!this.hasFailed) log.say(sampleFailed(error))
      this.hasFailed = true
    }
  }
}
