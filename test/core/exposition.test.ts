import t from 'tap'
import { expositionOf } from '../../preload/core/exposition.ts'
import type { Metric, MetricFacts, Reading } from '../../preload/core/metrics.ts'

const metric = (
  name: string,
  readings: readonly Reading[],
  help = 'Help.',
  type: Metric['type'] = 'gauge',
): Metric => ({
  name,
  type,
  help,
  unit: 'none',
  from: 'a test',
  read: () => readings,
})
const text = (...metrics: Metric[]): string => expositionOf(metrics, {} as MetricFacts)

for (const [name, metrics, want] of [
  ['nothing', [], '\n'],
  ['one value', [metric('a', [[1]])], '# HELP a Help.\n# TYPE a gauge\na 1\n'],
  ['a counter', [metric('a_total', [[0]], 'H', 'counter')], '# HELP a_total H\n# TYPE a_total counter\na_total 0\n'],
  [
    'two metrics, an empty line between',
    [metric('a', [[1]]), metric('b', [[2]])],
    '# HELP a Help.\n# TYPE a gauge\na 1\n\n# HELP b Help.\n# TYPE b gauge\nb 2\n',
  ],
  [
    'two values of one metric, two labels',
    [
      metric('a', [
        [1, { x: 'p', y: 'q' }],
        [2, { x: 'r' }],
      ]),
    ],
    '# HELP a Help.\n# TYPE a gauge\na{x="p",y="q"} 1\na{x="r"} 2\n',
  ],
  ['what is not known is absent, HELP and TYPE too', [metric('a', [[undefined]]), metric('b', [])], '\n'],
  [
    'no NaN and no infinity',
    [metric('a', [[Number.NaN], [Number.POSITIVE_INFINITY], [3]])],
    '# HELP a Help.\n# TYPE a gauge\na 3\n',
  ],
  [
    'quotes, backslashes and newlines in a label',
    [metric('a', [[1, { x: 'q"b\\n\n\n' }]])],
    '# HELP a Help.\n# TYPE a gauge\na{x="q\\"b\\\\n\\n\\n"} 1\n',
  ],
  [
    'backslashes and newlines in a help text; quotes stay',
    [metric('a', [[1]], 'q"b\\n\n')],
    '# HELP a q"b\\\\n\\n\n# TYPE a gauge\na 1\n',
  ],
  ['empty labels need no braces', [metric('a', [[1, {}]])], '# HELP a Help.\n# TYPE a gauge\na 1\n'],
  ['an empty value of a label', [metric('a', [[1, { x: '' }]])], '# HELP a Help.\n# TYPE a gauge\na{x=""} 1\n'],
  [
    'numbers as they are: small, negative, the largest exact integer',
    [metric('a', [[0.25], [-1.5], [9_007_199_254_740_991], [1e-9], [1e21]])],
    '# HELP a Help.\n# TYPE a gauge\na 0.25\na -1.5\na 9007199254740991\na 1e-9\na 1e+21\n',
  ],
] as const)
  t.test(name, async t => t.equal(text(...metrics), want))
