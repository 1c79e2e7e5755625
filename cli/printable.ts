// Text of others on a terminal: of a log, of another process.

/** Such text never steers what shows it: no control character and no invisible formatting of it gets through. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, character => (character === '\t' ? ' ' : '\ufffd'))
