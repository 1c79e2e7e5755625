// Which node process is meant where an init or a shell is asked about.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { isNodeProcess, listProcesses, nearestNodes, parentIn } from '../../cli/doctor/processes.ts'
import { readText } from '../../cli/machine.ts'
import { NODE } from '../preload/node.ts'
import { runCli } from './heapguard.ts'

t.test('the parent of a process, whatever it calls itself', async t => {
  t.equal(parentIn('7 (node) S 3 7 7 0'), 3)
  t.equal(parentIn('7 (a) R 9 (b) S 3 7 7 0'), 3)
  t.equal(parentIn(''), undefined)
})

/** `pid<parent`, node's with an n behind. */
const tree = (text: string) => {
  const rows = text.split(' ').map(row => /^(\d+)<(\d+)(n?)$/.exec(row) ?? [])
  return {
    all: rows.map(([, pid, parent]) => ({ pid: Number(pid), parentPid: Number(parent) })),
    isNode: (pid: number) => rows.some(row => Number(row[1]) === pid && row[3] === 'n'),
  }
}

for (const [name, text, own, want] of [
  ['an init and its child', '1<0 8<1n 20<0n', 20, [[8, 1]]],
  ['an init, a shell and its child', '1<0 7<1 8<7n 20<0n', 20, [[8, 1, 7]]],
  ['node’s own children are another question', '1<0 8<1n 9<8n 10<8', 20, [[8, 1]]],
  [
    'two at the same level',
    '1<0 8<1n 9<1n',
    20,
    [
      [8, 1],
      [9, 1],
    ],
  ],
  [
    'two on branches of two lengths',
    '1<0 7<1 8<7n 9<1n',
    20,
    [
      [8, 1, 7],
      [9, 1],
    ],
  ],
  ['none', '1<0 7<1', 20, []],
  ['nobody below', '1<0 5<2n', 20, []],
  ['the doctor itself is not meant', '1<0 8<1n 20<1n', 20, [[8, 1]]],
  ['nor is the npx that started it, and what else that runs', '1<0 8<1n 18<1n 19<18 20<19n', 20, [[8, 1]]],
] as const)
  t.test(`the nearest node: ${name}`, async t => {
    const { all, isNode } = tree(text)
    t.strictSame(
      nearestNodes(1, all, isNode, own).map(({ pid, behind }) => [pid, ...behind]),
      want,
    )
  })

const running = async (t: Test, program: string, words: readonly string[]) => {
  const child = spawn('env', ['-i', `PATH=${process.env.PATH}`, 'CONTAINER_MEMORY_MB=1024', program, ...words], {
    detached: true,
  })
  t.teardown(() => process.kill(-(child.pid ?? 0), 'SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

const APP = `'${NODE}' --max-old-space-size=300 -e 'setInterval(() => {}, 1e6); console.log(1)'`

t.test('this machine’s processes', async t => {
  const all = listProcesses(readText)
  t.equal(all.find(({ pid }) => pid === process.pid)?.parentPid, process.ppid)
  t.ok(isNodeProcess(process.pid))
  t.notOk(isNodeProcess(4_000_000_000))
})

t.test('a shell with one node behind it: that is judged, and named', async t => {
  const shell = await running(t, 'sh', ['-c', `${APP}; true`])
  const { code, stdout } = await runCli(['doctor', '--json', '--pid', String(shell.pid)])
  const said = JSON.parse(stdout)
  t.equal(code, 0)
  t.match(said, {
    heapCeilingMB: 300,
    verdict: 'fits',
    subject: /^pid \d+ \(.*node.* --max-old-space-size=300 .* behind sh$/,
  })
  t.notMatch(said.subject, new RegExp(`^pid ${shell.pid} `))
  t.match(
    said.findings.map(({ name }: { name: string }) => name),
    ['guard-not-loaded', 'launcher-in-front', 'heap-flag-on-command-line'],
  )
})

t.test('a shell with two: both are named, and none is judged', async t => {
  const shell = await running(t, 'sh', ['-c', `${APP} & ${APP} & wait`])
  const all = () => nearestNodes(shell.pid ?? 0, listProcesses(readText), isNodeProcess, process.pid)
  while (all().length < 2) await new Promise(done => setTimeout(done, 20))
  const { code, stdout, stderr } = await runCli(['doctor', '--pid', String(shell.pid)])
  t.match({ code, stdout }, { code: 2, stdout: '' })
  t.match(stderr, /is no node process; several run behind it, name one: /)
  for (const { pid } of all()) t.match(stderr, `pid ${pid} (`)
})

t.test(
  'a node process that was started by another name is asked by its own binary, and its flags are seen',
  async t => {
    const child = await running(t, 'bash', ['-c', `exec -a tini ${APP}`])
    const { stdout } = await runCli(['doctor', '--json', '--pid', String(child.pid)])
    t.match(JSON.parse(stdout), { status: 0, heapCeilingMB: 300, nodeVersion: /^v/ })
  },
)
