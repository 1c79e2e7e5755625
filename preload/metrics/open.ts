// The metrics as the lookout uses them: loaded where they are asked for, with their own catch.
import { metricsProblem } from '../core/report-watch.ts'
import type { Millis } from '../core/units.ts'
import { loadFile } from '../host/second-file.ts'
import type { MetricsParts } from './metrics.ts'

type MetricsFile = typeof import('./metrics.ts')

export interface OpenMetricsParts extends MetricsParts {
  /** Where the guard's files are. */
  readonly folder: string
}

/** A port that another process holds is asked for again so often: it may be over by then. */
const AGAIN_MS = 60_000

export interface Metrics {
  /** Called at each look; begins to listen, at the first and again where the port was taken. Never throws. */
  readonly look: (now: Millis) => void
  readonly end: () => void
}

/** Nothing is loaded yet. */
export function openMetrics({ folder, ...parts }: OpenMetricsParts): Metrics {
  const { host, log, endpoint } = parts
  let file: MetricsFile | undefined
  let close: (() => void) | undefined
  let nextAt = 0
  let hasSaid = false

  const failed = (error: unknown): void => {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    close = undefined
    nextAt = isTaken ? host.uptime() + AGAIN_MS : Number.POSITIVE_INFINITY
    if (!hasSaid) log.say(metricsProblem(`${endpoint.address}:${endpoint.port}`, error, isTaken))
    hasSaid = true
  }
  return {
    look: now => {
      if (close !== undefined || now < nextAt) return
      try {
        file ??= loadFile<MetricsFile>(`${folder}/metrics.js`, host.readText, require)
        close = file.serveMetrics(parts, failed)
      } catch (error) {
        failed(error)
      }
    },
    end: () => {
      nextAt = Number.POSITIVE_INFINITY
      if (close !== undefined) close()
      close = undefined
    },
  }
}
