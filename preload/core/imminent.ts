// Whether a limit is so near that there may be no other look before it is reached.
import { growthOf, type Point, timeTo } from './trend.ts'
import { type Bytes, type Millis, millis } from './units.ts'

/**
 * At 100 MB a second a small heap or container is full a few looks after the first rung, and one of them may come too late:
 * V8 collects in one go, the loop is busy [measured: it ended 130 to 420 ms after the first rung, before a second line].
 * So where the first rung is said, the second is reached too when so little time is left at the growth over the last looks …
 */
const IMMINENT_MS = 400
/**
 * … or, in a container that is full of V8's heap, this much: marking takes memory of its own, and that pause ends with the
 * kernel's kill [measured: small objects at 15 MB/s in 256 MB, killed 1.1 to 1.7 s after the first rung, at 85 %] …
 */
const IMMINENT_HEAP_MS = 3000
/** … and, said or not, when only so many pauses are left as the longest between them: a loop that is blocked will be again. */
const PAUSES_LEFT = 2
/** … but what is further away than this has time for another look. */
const FARTHEST_MS = 800
/** Growth over so many looks at least, whenever they were … */
const IMMINENT_LOOKS = 3
/** … but a heap that has leapt to a rung between two, by what collections left, says enough where so little is left. */
const LEAPT_MS = 200
const IMMINENT_WITHIN_MS = 2000
/** … and over all in the time just gone. */
const IMMINENT_OVER_MS = 500

/** Keeps of the last looks what the next one's growth is told by: for filter(). */
export const isRecent =
  (now: Millis) =>
  ({ atMs }: Point, index: number, { length }: readonly Point[]): boolean =>
    now - atMs <= (index > length - IMMINENT_LOOKS ? IMMINENT_WITHIN_MS : IMMINENT_OVER_MS)

/** How near is imminent where the first rung is said. */
export const imminentMs = (isFullOfHeap: boolean): Millis => millis(isFullOfHeap ? IMMINENT_HEAP_MS : IMMINENT_MS)

/**
 * Whether the limit is nearer than another look may be, or than `withinMs`. Where the
 * growth is not steady, or of fewer looks than three, it is not: the level can leap where a collection is noticed late.
 * `isHeapRung`: a heap at a rung's level; there two looks are enough for what is nearest of all. Never throws.
 */
export function isImminent(
  recent: readonly Point[],
  level: Bytes,
  whole: Bytes,
  withinMs: Millis,
  isHeapRung = false,
): boolean {
  const left = timeTo(whole, level, growthOf(recent))
  if (left === undefined) return false
  if (recent.length < IMMINENT_LOOKS) return isHeapRung && left < LEAPT_MS
  const pauses = recent.map(({ atMs }, n) => atMs - (recent[n - 1]?.atMs ?? atMs))
  return left < Math.max(withinMs, Math.min(PAUSES_LEFT * Math.max(...pauses), FARTHEST_MS))
}
