// Where the guard would write: looked at, not touched, and what is found agrees with what the guard then does.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Written, writtenBy } from '../../cli/doctor/written.ts'
import { readSettings } from '../../preload/core/settings.ts'
import { readWatchSettings } from '../../preload/core/watch-settings.ts'
import { emptyFolder, GUARD, NODE, runNode } from '../preload/node.ts'
import { CLI, runCli } from './heapguard.ts'

type Variables = Readonly<Record<string, string>>

function look(variables: Variables, pid?: number): readonly Written[] {
  const read = (name: string) => ({ HEAPGUARD_TERMINATION_LOG: 'off', ...variables })[name]
  const { settings } = readSettings(read)
  return writtenBy(settings, readWatchSettings(read, settings.warnPercent).settings, pid)
}

const folder = emptyFolder()
mkdirSync(join(folder, 'sub'))
writeFileSync(join(folder, 'file'), 'words')

for (const [name, variables, troubles] of [
  ['nothing is asked for', {}, []],
  ['stderr is no file', { HEAPGUARD_LOG_FILE: 'stderr' }, []],
  ['stdout is no file', { HEAPGUARD_LOG_FILE: 'stdout' }, []],
  ['a log that is there', { HEAPGUARD_LOG_FILE: `${folder}/file` }, [undefined]],
  ['a log that would be made', { HEAPGUARD_LOG_FILE: `${folder}/new.log` }, [undefined]],
  ['a log in a folder that is not there', { HEAPGUARD_LOG_FILE: `${folder}/no/new.log` }, ['ENOENT']],
  ['a log below a file', { HEAPGUARD_LOG_FILE: `${folder}/file/new.log` }, ['ENOTDIR']],
  ['a log that is a folder', { HEAPGUARD_LOG_FILE: `${folder}/sub` }, ['a folder']],
  ['a log that nobody writes', { HEAPGUARD_LOG_FILE: `${folder}/no/x`, HEAPGUARD_LOG_LEVEL: 'silent' }, []],
  ['a log that is a device', { HEAPGUARD_LOG_FILE: '/dev/full' }, [undefined]],
  ['a folder', { HEAPGUARD_DIR: `${folder}/sub` }, [undefined]],
  ['a folder that is not there', { HEAPGUARD_DIR: `${folder}/no` }, ['ENOENT']],
  ['a folder that is a file', { HEAPGUARD_DIR: `${folder}/file` }, ['no folder']],
  ['last words', { HEAPGUARD_TERMINATION_LOG: `${folder}/file` }, [undefined]],
  ['last words in a file that is not there', { HEAPGUARD_TERMINATION_LOG: `${folder}/no` }, ['ENOENT']],
  ['last words in a device', { HEAPGUARD_TERMINATION_LOG: '/dev/null' }, ['no regular file']],
  [
    'all three',
    {
      HEAPGUARD_LOG_FILE: `${folder}/no/x`,
      HEAPGUARD_DIR: `${folder}/no`,
      HEAPGUARD_TERMINATION_LOG: `${folder}/file`,
    },
    ['ENOENT', 'ENOENT', undefined],
  ],
] as const)
  t.test(name, async t => {
    t.strictSame(
      look(variables).map(({ trouble }) => trouble),
      troubles,
    )
    t.strictSame(readdirSync(folder).sort(), ['file', 'sub'], 'nothing is made')
  })

t.test('the paths of another process are those of its own folder', async t => {
  const child = spawn(NODE, ['-e', 'console.log(1); setInterval(() => {}, 1e6)'], { cwd: folder })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const trouble = (path: string) => look({ HEAPGUARD_LOG_FILE: path }, child.pid)[0]
  t.strictSame(trouble('./sub'), { variable: 'HEAPGUARD_LOG_FILE', path: './sub', trouble: 'a folder' })
  t.equal(trouble('./file')?.trouble, undefined)
  t.equal(trouble('new.log')?.trouble, undefined)
  t.equal(trouble(`${folder}/no/new.log`)?.trouble, 'ENOENT')
})

t.test('what the doctor says, the guard does', async t => {
  for (const path of [`${folder}/no/x`, `${folder}/sub`, `${folder}/new.log`, '/dev/full']) {
    const env = { HEAPGUARD_LOG_FILE: path, CONTAINER_MEMORY_MB: '4096' }
    const doctor = await runCli(['doctor', '--json'], { preload: GUARD, env })
    const names = JSON.parse(doctor.stdout).findings.map(({ name }: { name: string }) => name)
    const guard = await runNode({ preload: GUARD, env, args: ['-e', '0'] })
    const refused = guard.stderr.includes('"variable":"HEAPGUARD_LOG_FILE"')
    t.equal(names.includes('log-file-not-writable'), refused, path)
  }
})

const needsRoot = { skip: process.getuid?.() === 0 ? false : 'only root can run the doctor as another user' }

t.test('a user who may not write: three findings, and 1 with --strict', needsRoot, async t => {
  const closed = emptyFolder()
  writeFileSync(join(closed, 'words'), '')
  chmodSync(join(closed, 'words'), 0o644)
  chmodSync(closed, 0o755)
  // The environment by env -i: tap would have the child write where this user may not.
  const doctor = (...more: string[]) =>
    spawnSync(
      'env',
      [
        '-i',
        'CONTAINER_MEMORY_MB=4096',
        `HEAPGUARD_LOG_FILE=${closed}/x.log`,
        `HEAPGUARD_DIR=${closed}`,
        `HEAPGUARD_TERMINATION_LOG=${closed}/words`,
        ...[NODE, CLI, 'doctor', '--node-options', '--max-old-space-size=384', ...more],
      ],
      { cwd: '/', uid: 65_534, gid: 65_534, encoding: 'utf8' },
    )
  const plain = doctor('--json')
  t.strictSame([plain.status, plain.stderr], [0, ''])
  const { findings } = JSON.parse(plain.stdout) as { findings: { name: string; msg: string; remedy: string }[] }
  t.strictSame(
    findings.map(({ name }) => name).filter(name => name !== 'guard-not-loaded'),
    ['log-file-not-writable', 'evidence-folder-not-writable', 'termination-log-not-writable'],
  )
  for (const { name, msg } of findings) if (name.endsWith('-writable')) t.match(msg, /\(EACCES\)/, `${name}: why`)
  t.equal(doctor('--strict').status, 1)
})
