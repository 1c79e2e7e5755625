// dist/metrics.js: what a scrape needs. watch.js loads it at the first look where HEAPGUARD_METRICS is set.
import { EXPOSITION_TYPE, expositionOf } from '../core/exposition.ts'
import { judgedOf, type Scraped, type Standing, scrapedAfter } from '../core/metric-facts.ts'
import { METRICS } from '../core/metrics.ts'
import { millis } from '../core/units.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../host/log.ts'
import { type Endpoint, servePage } from '../host/page-server.ts'

declare const HEAPGUARD_VERSION: string

export interface MetricsParts {
  readonly host: Host
  readonly log: Log
  readonly endpoint: Endpoint
  /** Takes one sample. */
  readonly standing: () => Standing
}

/** Serves GET /metrics; `failed` as in servePage. Returns its undo. */
export function serveMetrics(
  { host, log, endpoint, standing }: MetricsParts,
  failed: (error: Error) => void,
): () => void {
  const startedAtMs = millis(Date.parse(host.isoTime()) - host.uptime())
  let scraped: Scraped | undefined
  const body = (): string => {
    const stands = standing()
    scraped = scrapedAfter(scraped, stands)
    return expositionOf(METRICS, {
      ...judgedOf(stands, scraped),
      oomKills: scraped.kills?.total,
      spaces: host.heapSpaces(),
      droppedLines: log.droppedLines(),
      version: HEAPGUARD_VERSION,
      nodeVersion: host.nodeVersion,
      startedAtMs,
    })
  }
  return servePage(endpoint, { path: '/metrics', type: EXPOSITION_TYPE, body }, failed)
}
