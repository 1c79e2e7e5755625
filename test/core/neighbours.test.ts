import t from 'tap'
import { readNeighbours } from '../../preload/core/neighbours.ts'

const FILES: Readonly<Record<string, string>> = {
  '/a/cgroup.procs': '1\n7\n',
  '/b/cgroup.procs': '9\n',
  '/many/cgroup.procs': Array.from({ length: 65 }, (_, pid) => `${pid + 1}\n`).join(''),
  '/proc/1/cmdline': 'node\0x.js\0',
  '/proc/1/environ': 'SECRET=1\0NODE_OPTIONS=--max-old-space-size=9\0X=2\0',
  '/proc/1/stat': '1 (node) S 0',
  '/proc/9/cmdline': 'sh\0',
}

t.test(
  'the processes of all groups; what cannot be read of them is absent, and of the environment there is one variable',
  async t =>
    t.strictSame(
      readNeighbours(
        path => {
          if (path === '/proc/7/environ') throw new Error('EACCES')
          return FILES[path]
        },
        new Set(['/a', '/b', '/gone']),
      ),
      [
        { pid: 1, commandLine: 'node\0x.js\0', nodeOptions: '--max-old-space-size=9', stat: '1 (node) S 0' },
        { pid: 7, commandLine: '', nodeOptions: undefined, stat: undefined },
        { pid: 9, commandLine: 'sh\0', nodeOptions: undefined, stat: undefined },
      ],
    ),
)

t.test('a machine is no container', async t =>
  t.strictSame(
    readNeighbours(path => FILES[path], new Set(['/many'])),
    [],
  ),
)
