// A record, however a log wraps its lines.
import t from 'tap'
import { findRecord, numberIn, textIn } from '../../cli/report/find-record.ts'

const record =
  '{"time":"2026-11-23T19:14:01.294Z","level":"info","name":"heapguard","event":"memory","pid":1,"msg":"RSS 50.3 MB","rssMB":50.3}'
const want = { timeMs: Date.UTC(2026, 10, 23, 19, 14, 1, 294), event: 'memory', level: 'info', pid: 1, rssMB: 50.3 }

const wrapped = (beside: object) => JSON.stringify({ log: `${record}\n`, ...beside })

for (const [name, line, source] of [
  ['plain', record, undefined],
  ['CRLF', `${record}\r`, undefined],
  ['docker compose', `app-1  | ${record}`, 'app-1'],
  ['kubectl --prefix', `[pod/app-7d9/app] ${record}`, 'pod/app-7d9/app'],
  ['CRI', `2026-11-23T19:14:01.294Z stderr F ${record}`, undefined],
  ['docker logs --timestamps', `2026-11-23T19:14:01.294Z ${record}`, undefined],
  ['docker’s json-file', JSON.stringify({ log: `${record}\n`, stream: 'stderr', time: 'x' }), undefined],
  ['an object in an object', `{"jsonPayload":${record},"severity":"INFO"}`, undefined],
  ['a text before and after', `INFO: ${record} [end]`, undefined],
  ['docker compose with timestamps', `app-1  | 2026-11-23T19:14:01.294Z ${record}`, 'app-1'],
  ['stern', `app-7d9 app ${record}`, 'app-7d9/app'],
  ['columns of a pod and its container', `app-7d9 › app │ ${record}`, 'app-7d9 › app'],
  ['two words of an app are no names', `took 12 ${record}`, undefined],
  ['logcli', `2026-11-23T18:00:00Z {app="x"} ${record}`, undefined],
  ['logcli with a pod', `2026-11-23T18:00:00Z {app="x", pod="a-1", container="web"} ${record}`, 'a-1/web'],
  ['a text with braces before and after', `said {"it": 1} and {more ${record} and {that}`, undefined],
  ['a text with a brace in it', `x {y ${record.replace('RSS', 'RSS \\"}{')} }`, undefined],
  ['Fluent Bit', wrapped({ kubernetes: { pod_name: 'a', container_name: 'web', labels: {} } }), 'a/web'],
  ['Fluentd with docker', wrapped({ container_name: '/app-1', container_id: '0a' }), 'app-1'],
  ['Filebeat', wrapped({ kubernetes: { pod: { name: 'a' }, container: { name: 'web' } } }), 'a/web'],
  ['Filebeat, flat', wrapped({ 'kubernetes.pod.name': 'a' }), 'a'],
  ['Google Cloud', `{"jsonPayload":${record},"resource":{"labels":{"pod_name":"a","container_name":"b"}}}`, 'a/b'],
  ['Loki’s JSON', wrapped({ labels: { pod: 'a', container: 'b' } }), 'a/b'],
  ['a wrapper whose names are none', wrapped({ pod: 7, kubernetes: null, container: { name: '' } }), undefined],
  ['a prefix in a wrapper', JSON.stringify({ log: `2026-11-23T19:14:01.294Z stderr F ${record}\n` }), undefined],
] as const)
  t.test(name, async t => {
    const found = findRecord(line)
    t.match(found?.record, want)
    t.equal(found?.source, source)
  })

for (const [name, line] of [
  ['no JSON', 'heapguard is here'],
  ['half a record', record.slice(0, 90)],
  ['somebody else’s record that names us', '{"name":"app","msg":"heapguard"}'],
  ['no time', record.replace(/"time":"[^"]*",/, '')],
  ['a time that is none', record.replace('2026-11', '2026-99')],
  ['a pid that is text', record.replace('"pid":1', '"pid":"1"')],
  ['no event', record.replace('"event":"memory",', '')],
  ['an array', `[${record.replace('heapguard', 'x')}]`],
  ['text that is our name alone', '{"log":"heapguard"}'],
  ['null inside', '{"log":null}'],
  ['nothing', ''],
] as const)
  t.test(`no record: ${name}`, async t => t.equal(findRecord(line), undefined))

t.test('texts are clipped, and numbers are numbers', async t => {
  const found = findRecord(record.replace('RSS 50.3 MB', 'x'.repeat(5000)).replace('50.3}', '1e999,"a":"b"}'))
  t.equal(found?.record.msg.length, 2000)
  t.equal(found && numberIn(found.record, 'rssMB'), undefined, 'Infinity is not known')
  t.equal(found && numberIn(found.record, 'a'), undefined)
  t.equal(found && textIn(found.record, 'a'), 'b')
  t.equal(found && textIn(found.record, 'pid'), undefined)
})
