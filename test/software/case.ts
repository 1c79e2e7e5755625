// A case of real software, and what the cases share.
import type { Case } from '../transparency/harness.ts'

export interface Software extends Case {
  /** Its row in installed.mjs. The working directory is made below it, so that its packages are found. */
  readonly folder: string
  /** What the run without the guard must come to: a case that did not do what it meant to do counts for nothing. */
  readonly want: NonNullable<Case['want']>
  /** Fast and cheap enough for each change. */
  readonly quick?: boolean
  /** What of the guard's must be among what it says on stdout, where it passes on what its services say. */
  readonly says?: RegExp
  /** Why the guard says nothing here. */
  readonly silent?: string
}

/** Where the commands of the packages are, seen from the working directory. */
export const BIN = '../../node_modules/.bin'
export const keep = 'setInterval(() => {}, 1000);'

/** A case whose command is one of a package's own. */
export const command =
  (...words: readonly string[]): NonNullable<Case['command']> =>
  () => [`${BIN}/${words[0]}`, ...words.slice(1)]

/** Times of a run, as tools print them: `12ms`, `1.2 s`, `(3 seconds)`. */
export const blurTimes = (text: string): string => text.replaceAll(/\b\d+(\.\d+)?\s?(ms|s|µs|seconds?)\b/g, '<time>')
/** The lines of a guard that a manager passes on, behind the name of the service. */
export const withoutPassedOn = (text: string): string =>
  text.replaceAll(/^(\[\w+\] )?\{"time":"[^\n]*"name":"heapguard"[^\n]*\n/gm, '')
/** Colours. */
export const plain = (text: string): string =>
  text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*[A-Za-z]`, 'g'), '')
