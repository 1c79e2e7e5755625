// Text of a log in HTML.
import { printable } from '../printable.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for an element or a quoted attribute: never markup, and nothing that turns the line around. */
export const escaped = (text: string): string =>
  printable(text).replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
