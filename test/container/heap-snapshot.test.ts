// HEAPGUARD_HEAP_SNAPSHOT under a real limit: refused where it would kill, written where there is room, and no kernel's kill
// either way. By default one major, HEAPGUARD_TEST_FULL all of them.
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder, recordsIn } from '../preload/node.ts'
import { baseImage, root, start, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL, HEAPGUARD_TEST_MAJORS } = process.env
const IS_FULL = Boolean(HEAPGUARD_TEST_FULL)
const majors = (HEAPGUARD_TEST_MAJORS || (IS_FULL ? '20 22 24 26' : '24')).split(/[\s,]+/)
const skip = (await whyNoDocker(majors)) ?? false

// A copy: a build in between takes dist away under the container.
const heapguard = emptyFolder()
cpSync(join(root, 'dist'), heapguard, { recursive: true })

/** Fills the heap up to V8's limit. */
async function leak(t: Test, major: string, heapMB: number, containerMB: number) {
  const folder = emptyFolder()
  const container = await start(t, baseImage(major), {
    args: [
      // The file is for its owner alone, and is read here.
      ...['--user', `${process.getuid?.()}:${process.getgid?.()}`],
      ...['--network=none', '-m', `${containerMB}m`, '--memory-swap', `${containerMB}m`],
      ...['--volume', `${heapguard}:/opt/heapguard:ro`, '--volume', `${root}test/fixtures/deaths:/leak:ro`],
      ...['--volume', `${folder}:/evidence`, '--env', 'HEAPGUARD_DIR=/evidence', '--env', 'HEAPGUARD_HEAP_SNAPSHOT=on'],
      ...['--env', `NODE_OPTIONS=--max-old-space-size=${heapMB} --require /opt/heapguard/preload.js`],
    ],
    command: ['node', '/leak/leak.cjs', 'objects', '15'],
  })
  const { oomKilled } = await container.ended()
  t.equal(oomKilled, false, 'the kernel did not kill')
  const stderr = container.lines('stderr').join('\n')
  t.match(stderr, /FATAL ERROR: .*heap/, 'V8 said its own last words')
  const said = recordsIn(stderr).filter(({ what }) => what === 'heap snapshot')
  for (const { msg } of said) t.comment(msg)
  return { said, folder, snapshots: readdirSync(folder).filter(name => name.endsWith('.heapsnapshot')) }
}

for (const major of majors) {
  t.test(`Node ${major}, a heap of 128 MB in 512: refused, and the line has the arithmetic`, { skip }, async t => {
    const { said, snapshots } = await leak(t, major, 128, 512)
    t.equal(said.length, 1)
    t.equal(said[0]?.level, 'warn')
    const [heapMB = 0, neededMB = 0, leftMB = 0] = [...`${said[0]?.reason}`.matchAll(/([\d.]+) MB/g)].map(([, mb]) =>
      Number(mb),
    )
    // The first rung is at 85 % of 128 MB, and a look later it is more.
    t.ok(heapMB >= 108 && heapMB <= 130, `${heapMB} MB of heap`)
    t.ok(Math.abs(neededMB - 20 * heapMB) <= 2, `${neededMB} MB needed`)
    t.ok(leftMB < neededMB && leftMB > 512 - 300 && leftMB < 512 - heapMB, `${leftMB} MB left`)
    t.strictSame(snapshots, [])
  })

  for (const [heapMB, containerMB] of IS_FULL
    ? ([
        [32, 1024],
        [128, 3072],
      ] as const)
    : ([[32, 1024]] as const))
    t.test(
      `Node ${major}, a heap of ${heapMB} MB in ${containerMB}: written, for the owner alone`,
      { skip },
      async t => {
        const { said, snapshots, folder } = await leak(t, major, heapMB, containerMB)
        t.match(said, [
          { level: 'info', reason: 'being written' },
          { level: 'info', reason: 'written' },
        ])
        t.equal(snapshots.length, 1)
        const path = join(folder, snapshots[0] ?? '')
        t.equal(statSync(path).mode & 0o777, 0o600)
        t.ok(JSON.parse(readFileSync(path, 'utf8')).snapshot.node_count > 10_000)
      },
    )
}
