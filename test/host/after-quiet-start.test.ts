// The whole guard behind a quiet start: the environment and the descriptor that it had then.
import t from 'tap'
import { afterQuietStart, fileIdentity, type QuietStart } from '../../preload/host/after-quiet-start.ts'
import type { DescriptorIdentity } from '../../preload/host/descriptors.ts'
import type { Host } from '../../preload/host/host.ts'

const FILE: DescriptorIdentity = { kind: 'file', device: 7n, inode: 12n, owner: 0 }

/** A host whose descriptor 2 is `identity`, by the name of `link`, behind a quiet start that found `stderr`. */
function behind(stderr: string, link: string, identity: DescriptorIdentity = FILE): Host {
  const host = {
    readVariable: (name: string) => `${name} of now`,
    descriptors: { identify: () => identity, readLink: () => link },
  } as unknown as Host
  const variables = { NODE_OPTIONS: '--require /x', CONTAINER_MEMORY_MB: undefined, HEAPGUARD_PULSE_MS: '500' }
  return afterQuietStart(host, { variables, stderr } as unknown as QuietStart)
}

t.test('variables are those of then, the own that were set and those that were not', async t => {
  const { readVariable } = behind('pipe:[1]', 'pipe:[1]')
  t.equal(readVariable('NODE_OPTIONS'), '--require /x')
  t.equal(readVariable('CONTAINER_MEMORY_MB'), undefined)
  t.equal(readVariable('HEAPGUARD_PULSE_MS'), '500')
  t.equal(readVariable('HEAPGUARD_INTERVAL_MS'), undefined)
  t.equal(readVariable('HOSTNAME'), 'HOSTNAME of now')
})

t.test('a pipe, a socket and the null device are known by their links', async t => {
  for (const link of ['pipe:[1]', 'socket:[1]', '/dev/null']) {
    t.strictSame(behind(link, link).descriptors.identify(2), FILE)
    t.throws(() => behind(link, 'pipe:[2]').descriptors.identify(2), /another one/)
  }
})

t.test('a file is the same under another name, and another one under its own', async t => {
  const stderr = fileIdentity(7n, 12n)
  t.strictSame(behind(stderr, '/var/log/app.log.1').descriptors.identify(2), FILE)
  for (const other of [
    { ...FILE, inode: 13n },
    { ...FILE, device: 8n },
  ])
    t.throws(() => behind(stderr, '/var/log/app.log', other).descriptors.identify(2), /another one/)
})
