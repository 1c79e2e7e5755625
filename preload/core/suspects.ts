// Where the heap's memory was allocated, from V8's sampling profile: names of functions and files, never a value.

/** A place in the code. */
export interface Place {
  /** A path, or a URL. */
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
  /** From 0. */
  readonly columnNumber: number
}

/** V8's HeapProfiler.SamplingHeapProfileNode. */
export interface ProfileNode {
  readonly callFrame: Place & { readonly functionName: string }
  readonly selfSize: number
  readonly id: number
  readonly children: readonly ProfileNode[]
}

/** One place in the code, and what is left of the bytes that it allocated. */
export interface Suspect {
  /** `function (file:line)`. */
  readonly site: string
  readonly bytes: number
}

const MOST_SUSPECTS = 5
/** Less than this share of what was sampled is no suspect. */
const LEAST_SHARE = 0.03

/**
 * The sites that hold most, the largest first. What V8's and Node's own functions allocate counts for the code that
 * called them; what the guard allocates (files in `ownFolder`) is left out. `originalOf`: where a place stands in the source
 * that it was made from, where that is known.
 */
export function suspectsIn(
  head: ProfileNode,
  ownFolder: string,
  originalOf: (place: Place) => Place | undefined = () => undefined,
): readonly Suspect[] {
  const sizes: Record<string, number> = { __proto__: null as never }
  let total = 0
  const visit = (node: ProfileNode, caller: string): void => {
    const { url } = node.callFrame
    if (url.includes(`${ownFolder}/`)) return
    const isInternal = url === '' || url.startsWith('node:')
    const site = isInternal && caller !== '' ? caller : siteOf(node, originalOf)
    if (site !== '') sizes[site] = (sizes[site] ?? 0) + node.selfSize
    total += node.selfSize
    for (const child of node.children) visit(child, isInternal ? caller : site)
  }
  visit(head, '')
  return Object.keys(sizes)
    .map(site => ({ site, bytes: sizes[site] as number }))
    .filter(({ bytes }) => bytes >= total * LEAST_SHARE && bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MOST_SUSPECTS)
}

function siteOf({ callFrame }: ProfileNode, originalOf: (place: Place) => Place | undefined): string {
  if (callFrame.url === '') return ''
  const { url, lineNumber } = originalOf(callFrame) ?? callFrame
  return `${callFrame.functionName || '(anonymous)'} (${pathOf(url)}:${lineNumber + 1})`
}

/** A file's path: without a scheme. */
export const pathOf = (url: string): string => withoutContents(url).replace(/^file:\/\//, '')

/** Without a query, which can hold anything, and of a data: URL, which is the module's own text, the scheme alone. */
const withoutContents = (url: string): string => url.replace(/[?#].*$|(?<=^data:).*$/s, '')

/**
 * The profile as a .heapprofile that Chrome's DevTools open, in pieces for one write each. Written by hand: JSON.stringify
 * is the app's to replace.
 */
export function* heapProfileText(head: ProfileNode): Generator<string> {
  yield '{"head":'
  yield* nodeText(head)
  yield ',"samples":[]}\n'
}

function* nodeText({ callFrame, selfSize, id, children }: ProfileNode): Generator<string> {
  const { functionName, url, lineNumber, columnNumber } = callFrame
  const frame = `{"functionName":${quote(functionName)},"scriptId":"0","url":${quote(withoutContents(url))},"lineNumber":${lineNumber},"columnNumber":${columnNumber}}`
  yield `{"callFrame":${frame},"selfSize":${selfSize},"id":${id},"children":[`
  let comma = ''
  for (const child of children) {
    yield comma
    yield* nodeText(child)
    comma = ','
  }
  yield ']}'
}

const quote = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has no such characters
  `"${text.replace(/["\\\u0000-\u001f\ud800-\udfff]/g, at => `\\u${at.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
