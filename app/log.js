/**
 * One JSON object a line on stdout.
 * @param {'info' | 'error'} level
 * @param {string} event a stable name to search for
 * @param {object} [fields]
 */
export function log(level, event, fields) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`)
}
