// A machine of test/fixtures/cgroup.ts laid out on disk and put in front of a real process: in a mount namespace of its
// own, its files stand where /proc/self/cgroup, mountinfo, /proc/meminfo, /sys/fs/cgroup and the rest are.
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Failure, type Files, V1_UNLIMITED } from '../fixtures/cgroup.ts'
import { emptyFolder, NODE } from '../preload/node.ts'

const run = promisify(execFile)

/**
 * argv: the folder of the machine, then the command. `new root` is / with the fixture's own folders in it. /proc/self is
 * a link that each process sees differently, so the files are mounted over /proc/<pid>/… of the shell, whose pid the
 * command keeps. Where one of them is to be missing, all of /proc/<pid> is replaced.
 */
const ENTER = `
set -e
cd "$1"; shift
for entry in /*; do
  name=\${entry#/}
  if [ -e "root/$name" ]; then continue
  elif [ -L "$entry" ]; then cp -P "$entry" root/
  elif [ -d "$entry" ]; then mkdir "root/$name"; mount --rbind "$entry" "root/$name"
  fi
done
mount --bind cgroup root/sys/fs/cgroup
mount --bind meminfo root/proc/meminfo
if [ -e self/cgroup ] && [ -e self/mountinfo ]; then
  mount --bind self/cgroup root/proc/$$/cgroup
  mount --bind self/mountinfo root/proc/$$/mountinfo
else
  mount --bind self root/proc/$$
fi
exec chroot root "$@"
`

/** Root may read what it likes; without these two capabilities a file of mode 000 is EACCES for it as for anybody. */
const OBEYING_MODES = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', '--inh-caps', '-all']

/** What the kernel cannot be made to say with a file on a disk. */
const CANNOT_BE_LAID_OUT = 'ERR_ACCESS_DENIED'

/** Why no machine can be entered here; undefined: one can. */
export async function whyNotHere(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'mount namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'mounting takes root'
  try {
    const folder = layOut({ '/proc/self/cgroup': '0::/probe\n', '/proc/self/mountinfo': '' })
    const said = await enter(folder, ['cat', '/proc/self/cgroup'])
    return said.stdout === '0::/probe\n' ? undefined : `the mounted file was not seen, but ${said.stdout}`
  } catch (error) {
    return `no private mounts here: ${String((error as { stderr?: string }).stderr ?? error).split('\n')[0]}`
  }
}

/** Can these files be laid out? */
export const canBeLaidOut = (files: Files): boolean =>
  Object.values(files).every(file => !(file instanceof Failure) || file.code !== CANNOT_BE_LAID_OUT)

/**
 * What every kernel has beside a limit, and the fixtures leave out where the reader would not miss it: Node reads the soft
 * limit too and takes one that is not there for no answer.
 */
export function withSoftLimits(files: Files): Files {
  const soft: Record<string, string> = {}
  for (const path of Object.keys(files)) {
    if (path.endsWith('/memory.max')) soft[path.replace(/max$/, 'high')] = 'max\n'
    else if (path.endsWith('/memory.limit_in_bytes'))
      soft[path.replace(/limit_in_bytes$/, 'soft_limit_in_bytes')] = V1_UNLIMITED
  }
  return { ...soft, ...files }
}

/** Lays the files out; returns the folder that `enter` takes. */
export function layOut(files: Files): string {
  const folder = emptyFolder()
  for (const name of ['root', 'cgroup', 'self']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'meminfo'), '')
  symlinkSync(NODE, join(folder, 'self/exe'))
  for (const [path, file] of Object.entries(files)) {
    const place = join(folder, placeOf(path))
    mkdirSync(dirname(place), { recursive: true })
    if (!(file instanceof Failure)) writeFileSync(place, file)
    // Reading a process's own memory from 0, where nothing is mapped, is EIO.
    else if (file.code === 'EIO') symlinkSync('/proc/self/mem', place)
    else {
      writeFileSync(place, '')
      chmodSync(place, 0o000)
    }
  }
  return folder
}

const PLACES: readonly (readonly [prefix: string, folder: string])[] = [
  ['/sys/fs/cgroup/', 'cgroup/'],
  ['/proc/self/', 'self/'],
  ['/proc/meminfo', 'meminfo'],
  ['/', 'root/'],
]

function placeOf(path: string): string {
  const [prefix = '', folder = ''] = PLACES.find(([prefix]) => path.startsWith(prefix)) ?? []
  return folder + path.slice(prefix.length)
}

/** Runs a command in a machine that was laid out, with nothing of this process's environment but `env`. */
export const enter = (folder: string, command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run('unshare', [
    '--mount',
    ...['sh', '-c', ENTER, 'enter', folder],
    ...['env', '-i', `PATH=${process.env.PATH}`, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
    ...OBEYING_MODES,
    ...command,
  ])
