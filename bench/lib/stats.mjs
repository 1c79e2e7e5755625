// Medians, quartiles, and the median of pairwise ratios with a bootstrap interval.

/** The value below which `share` of the sorted values lie, interpolated. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = Math.floor(at)
  const above = Math.ceil(at)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

export const median = values => quantile(values, 0.5)

/** Median and interquartile range. */
export const spread = values => ({ median: median(values), q1: quantile(values, 0.25), q3: quantile(values, 0.75) })

const RESAMPLES = 2000

/** mulberry32: the same figures give the same interval. */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The median of `values[i] / base[i]`, round by round: what made one round slow was there for both. With the 95 %
 * interval of that median over resampled rounds (percentile bootstrap).
 */
export function pairedRatio(values, base) {
  const ratios = values.map((value, round) => value / base[round])
  const random = generator(ratios.length)
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(Array.from(ratios, () => ratios[Math.floor(random() * ratios.length)])),
  )
  return { ratio: median(ratios), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** Least squares: how much y grows for each x. */
export function slope(points) {
  const mean = pick => points.reduce((sum, point) => sum + pick(point), 0) / points.length
  const x0 = mean(([x]) => x)
  const y0 = mean(([, y]) => y)
  const over = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0)
  const under = points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0)
  return under === 0 ? 0 : over / under
}
