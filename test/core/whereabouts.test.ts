import t from 'tap'
import { millis } from '../../preload/core/units.ts'
import {
  type AskPid,
  type Fate,
  fateOf,
  isSilent,
  namespaceIn,
  seatIn,
  startIn,
  type Whereabouts,
} from '../../preload/core/whereabouts.ts'

const SEAT = '7eb81cc93b375705a384fe963e372b89871ed8b2c802f6bba0f417c26460dac0'
const HERE: Whereabouts = { pid: 20, startTicks: '900', machine: 'm', namespace: 'n', life: '100', seat: SEAT }

const running =
  (...starts: readonly (readonly [number, string])[]): AskPid =>
  pid => {
    const found = starts.find(([other]) => other === pid)
    return found === undefined ? 'none' : { startTicks: found[1] }
  }
const hidden: AskPid = () => 'hidden'

const CASES: readonly (readonly [string, Partial<Whereabouts>, AskPid, Fate])[] = [
  ['a process beside this one', { pid: 7, startTicks: '500' }, running([7, '500']), 'alive'],
  ['its pid is not there', { pid: 7, startTicks: '500' }, running(), 'over'],
  ['its pid is another’s by now', { pid: 7, startTicks: '500' }, running([7, '800']), 'over'],
  ['its start is not known, and the pid is there', { pid: 7, startTicks: undefined }, running([7, '800']), 'in-doubt'],
  ['it is hidden', { pid: 7 }, hidden, 'in-doubt'],
  ['this very process, which has started another program', {}, running([20, '900']), 'replaced'],
  ['this pid, and another start', { startTicks: '400' }, running([20, '900']), 'over'],
  [
    'PID 1 of a container before, whose namespace’s number was given again',
    { pid: 1, life: '50' },
    running([1, '100']),
    'over',
  ],
  ['the life is not known: the pid is asked', { pid: 1, life: undefined }, running([1, '900']), 'alive'],
  ['PID 1 of this container before its restart', { pid: 1, namespace: 'x', life: '50' }, hidden, 'over'],
  ['this container before the machine was started anew', { machine: 'x', namespace: 'x' }, hidden, 'over'],
  [
    'another container on the volume',
    { pid: 1, namespace: 'x', life: '50', seat: 'other' },
    running([1, '100']),
    'in-doubt',
  ],
  ['another machine on the volume', { pid: 20, machine: 'x', seat: 'other' }, running([20, '900']), 'in-doubt'],
  ['another namespace, and no seat on either side', { namespace: 'x', seat: undefined }, running(), 'in-doubt'],
  [
    'nothing is known',
    { machine: undefined, namespace: undefined, life: undefined, seat: undefined },
    running(),
    'in-doubt',
  ],
]

for (const [name, there, ask, expected] of CASES)
  t.test(`a record's process: ${name}: ${expected}`, async t => {
    t.equal(fateOf({ ...HERE, ...there }, HERE, ask), expected)
  })

t.test('nothing is known on this side either', async t => {
  const nothing = { pid: 1, startTicks: undefined, machine: undefined, namespace: undefined, life: undefined }
  t.equal(fateOf({ ...nothing, seat: undefined }, { ...nothing, seat: undefined }, running()), 'in-doubt')
})

for (const [quietMs, nextMs, isSameMachine, expected] of [
  [60_000, undefined, true, false],
  [60_001, undefined, true, true],
  [60_001, 5000, true, true],
  [60_001, 6001, true, false],
  [60_010, 6000, true, true],
  [600_000, 60_000, true, false],
  [600_001, 60_000, true, true],
  [600_000, 1000, false, false],
  [600_001, 1000, false, true],
  [-5000, 1000, true, false],
] as const)
  t.test(`${quietMs} ms without a beat, the next within ${nextMs} ms, same machine ${isSameMachine}`, async t => {
    const last = nextMs === undefined ? undefined : { nextMs: millis(nextMs) }
    t.equal(isSilent(last, quietMs, isSameMachine), expected)
  })

t.test('start and state in /proc/<pid>/stat', async t => {
  const stat = (comm: string, state: string) =>
    `11 (${comm}) ${state} 1 1 1 0 -1 4194304 56 0 0 0 0 0 0 0 20 0 1 0 109084 2703360 311 184467`
  t.strictSame(startIn(stat('node', 'S')), { startTicks: '109084' })
  t.strictSame(startIn(stat('a) R 1 (b', 'R')), { startTicks: '109084' })
  t.equal(startIn(stat('node', 'Z')), 'none')
  t.equal(startIn(stat('node', 'X')), 'none')
  t.equal(startIn('11 (node) S 1'), 'none')
  t.equal(startIn(''), 'none')
  t.equal(startIn(undefined), 'none')
})

const docker = (root: string, at = '/etc/hostname') => `132 113 254:0 ${root} ${at} rw,relatime - ext4 /dev/vda rw`
const UID = '0f5a6c1e-8a51-4d3e-9a2b-3c4d5e6f7a8b'
for (const [name, mountinfo, seat] of [
  ['docker', docker(`/var/lib/docker/containers/${SEAT}/hostname`), SEAT],
  ['docker with its data elsewhere', docker(`/data/containers/${SEAT}/hostname`), SEAT],
  ['podman', docker(`/containers/storage/overlay-containers/${SEAT}/userdata/hostname`), SEAT],
  [
    'kubernetes: the pod and the name of the container, not the digits of this start',
    [
      docker(`/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${SEAT}/hostname`),
      docker(`/var/lib/kubelet/pods/${UID}/etc-hosts`, '/etc/hosts'),
      docker(`/var/lib/kubelet/pods/${UID}/containers/app/1a2b3c4d`, '/dev/termination-log'),
    ].join('\n'),
    `${UID}/containers/app`,
  ],
  [
    'the kubelet’s folder on a disk of its own',
    docker(`/pods/${UID.replaceAll('-', '')}/containers/app/0`, '/dev/termination-log'),
    `${UID.replaceAll('-', '')}/containers/app`,
  ],
  ['a sandbox alone: its containers share it', docker(`/run/sandboxes/${SEAT}/hostname`), undefined],
  ['a volume of the pod', docker(`/var/lib/kubelet/pods/${UID}/volumes/kubernetes.io~empty-dir/x`), undefined],
  ['an id that is cut', docker(`/var/lib/docker/containers/${SEAT.slice(1)}/hostname`), undefined],
  ['no container', docker('/'), undefined],
  ['garbage', '\n \nx', undefined],
  ['nothing', undefined, undefined],
] as const)
  t.test(`the seat: ${name}`, async t => {
    t.equal(seatIn(mountinfo), seat)
  })

t.test('the number of a namespace', async t => {
  t.equal(namespaceIn('pid:[4026532187]'), '4026532187')
  t.equal(namespaceIn('pid:[]'), undefined)
  t.equal(namespaceIn('net:[4026532187]'), undefined)
  t.equal(namespaceIn(undefined), undefined)
})
