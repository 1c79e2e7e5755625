import t from 'tap'
import { heapProfileText, type Place, type ProfileNode, pathOf, suspectsIn } from '../../preload/core/suspects.ts'

let id = 0
const node = (functionName: string, url: string, selfSize: number, ...children: ProfileNode[]): ProfileNode => ({
  callFrame: { functionName, url, lineNumber: 11, columnNumber: 3 },
  selfSize,
  id: ++id,
  children,
})
const root = (...children: ProfileNode[]): ProfileNode => node('(root)', '', 0, ...children)

for (const [name, head, want] of [
  ['nothing was sampled', root(), []],
  [
    'a function by its file and line',
    root(node('leak', 'file:///srv/a.js', 100)),
    [{ site: 'leak (/srv/a.js:12)', bytes: 100 }],
  ],
  ['one without a name', root(node('', '/srv/a.js', 1)), [{ site: '(anonymous) (/srv/a.js:12)', bytes: 1 }]],
  [
    'the same place twice, by two ways',
    root(node('x', '/x.js', 1, node('leak', '/a.js', 30)), node('leak', '/a.js', 40)),
    [{ site: 'leak (/a.js:12)', bytes: 70 }],
  ],
  [
    "V8's and Node's own count for the caller",
    root(
      node(
        'parse',
        '/a.js',
        10,
        node('(V8 API)', '', 20),
        node('read', 'node:fs', 30, node('slice', 'node:buffer', 5)),
      ),
    ),
    [{ site: 'parse (/a.js:12)', bytes: 65 }],
  ],
  [
    'Node alone, where nobody called it',
    root(node('tick', 'node:timers', 9)),
    [{ site: 'tick (node:timers:12)', bytes: 9 }],
  ],
  ['what V8 does by itself has no site', root(node('(GC)', '', 50)), []],
  ['the guard itself', root(node('look', '/opt/heapguard/watch.js', 99, node('leak', '/a.js', 1))), []],
  [
    'the largest first, crumbs left out',
    root(node('b', '/b.js', 20), node('a', '/a.js', 97), node('crumb', '/c.js', 3)),
    [
      { site: 'a (/a.js:12)', bytes: 97 },
      { site: 'b (/b.js:12)', bytes: 20 },
    ],
  ],
] as const)
  t.test(`suspects: ${name}`, async t => t.strictSame(suspectsIn(head, '/opt/heapguard'), want))

t.test('five at most, and names of Object.prototype are names', async t => {
  const many = ['toString', '__proto__', 'c', 'd', 'e', 'f'].map(name => node(name, '/a.js', 10))
  t.equal(suspectsIn(root(...many), '/opt/heapguard').length, 5)
})

for (const [url, want] of [
  ['file:///srv/a.js', '/srv/a.js'],
  ['file:///srv/a.js?token=secret', '/srv/a.js'],
  ['/srv/a.js#x', '/srv/a.js'],
  ['evalmachine.<anonymous>', 'evalmachine.<anonymous>'],
  ['data:text/javascript,const%20secret=1', 'data:'],
  ['data:text/javascript;base64,c2VjcmV0\n?#', 'data:'],
  ['/data:/a.js', '/data:/a.js'],
] as const)
  t.test(`the path of ${url}`, async t => t.equal(pathOf(url), want))

t.test('a .heapprofile is JSON, whatever a function is called, and holds no query', async t => {
  const head = root(
    node('"\\\n\ud800', '/a.js?token=secret', 3, node('b', 'data:text/javascript,secret', 4), node('c', '/c.js', 5)),
  )
  const text = [...heapProfileText(head)].join('')
  t.notMatch(text, /secret/)
  const parsed = JSON.parse(text)
  t.match(parsed, {
    samples: [],
    head: {
      callFrame: { functionName: '(root)' },
      children: [
        {
          callFrame: { functionName: '"\\\n\ud800', url: '/a.js', lineNumber: 11, columnNumber: 3, scriptId: '0' },
          selfSize: 3,
          children: [{ selfSize: 4, children: [] }, { selfSize: 5 }],
        },
      ],
    },
  })
})

t.test('a place in the source that it was made from, where that is known', async t => {
  const head = root(node('leak', '/dist/a.js', 7), node('other', '/dist/b.js', 5), node('', 'node:fs', 3))
  const originalOf = ({ url, lineNumber, columnNumber }: Place): Place | undefined =>
    url === '/dist/a.js' ? { url: 'file:///src/a.ts', lineNumber: lineNumber * 10, columnNumber } : undefined
  t.strictSame(
    suspectsIn(head, '/opt/heapguard', originalOf).map(({ site }) => site),
    ['leak (/src/a.ts:111)', 'other (/dist/b.js:12)', '(anonymous) (node:fs:12)'],
  )
})
