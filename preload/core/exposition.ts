// Prometheus' text format, version 0.0.4.
import type { Labels, Metric, MetricFacts, Reading } from './metrics.ts'

/** What the text is served as. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * The metrics as text: HELP and TYPE lines, then one line a value; a metric without a known value is left out whole. The
 * same bytes as prom-client writes for the same registry. Throws only what a row's read throws.
 */
export function expositionOf(metrics: readonly Metric[], facts: MetricFacts): string {
  const parts: string[] = []
  for (const { name, help, type, read } of metrics) {
    const lines = read(facts).flatMap(reading => lineOf(name, reading))
    if (lines.length > 0) parts.push(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}`)
  }
  return `${parts.join('\n\n')}\n`
}

// A number that JSON could not have is not known.
function lineOf(name: string, [value, labels = {}]: Reading): string[] {
  if (value === undefined || !Number.isFinite(value)) return []
  const pairs = labelsOf(labels)
  return [`${name}${pairs === '' ? '' : `{${pairs}}`} ${value}`]
}

const labelsOf = (labels: Labels): string =>
  Object.keys(labels)
    .map(key => `${key}="${escapeLabel(String(labels[key]))}"`)
    .join(',')

// Inside double quotes: `\`, the newline and `"`; in a HELP line the first two alone.
const escapeHelp = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"')
