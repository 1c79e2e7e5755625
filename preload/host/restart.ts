// The process started again in its own place: process.execve, which ends it where the kernel says no (before Node 26), so
// everything is asked first.
import { commandLineOf, fitsInExec, lostDescriptor, type OpenDescriptor, obstacleTo } from '../core/autosize.ts'
import type { ReadText } from '../core/cgroup.ts'
import { splitNodeOptions } from '../core/node-options.ts'
import type { Host } from './host.ts'

export interface Restart {
  readonly flags: string
  /** The whole of NODE_OPTIONS. */
  readonly nodeOptions: string
  /** A variable more. */
  readonly marker: readonly [name: string, value: string]
}

type Execve = (path: string, args: readonly string[], env: Readonly<Record<string, string>>) => void

/** Does not come back; else why it could not be. Throws nothing but what a read of /proc throws. */
export function restart({ readText, execArgv, nodeVersion }: Host, { flags, nodeOptions, marker }: Restart): string {
  const { accessSync, constants, readdirSync, readlinkSync, statSync } = require('node:fs') as typeof import('node:fs')
  const { prototype } = require('node:module') as unknown as { prototype: { readonly isPreloading?: boolean } }
  const { execve, execPath, argv, env, channel, permission } = process as unknown as {
    readonly execve?: Execve
    readonly execPath: string
    readonly argv: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly channel?: unknown
    readonly permission?: { has(scope: string): boolean }
  }
  const options = [...execArgv, ...(splitNodeOptions(env.NODE_OPTIONS ?? '') ?? [])]
  const obstacle = obstacleTo({
    isPreloading: prototype.isPreloading === true,
    hasExecve: typeof execve === 'function' && process.platform !== 'win32',
    nodeVersion,
    hasChannel: channel !== undefined && channel !== null,
    mayStartProcesses: permission === undefined || permission.has('child'),
    options,
  })
  if (obstacle !== undefined || execve === undefined) return `${obstacle}`

  const hasInspector = options.some(word => /^--inspect(=|$)/.test(word))
  const lost = lostDescriptor(openDescriptors(readText, readdirSync, readlinkSync), hasInspector)
  if (lost !== undefined) return `descriptor ${lost}, which it was handed, would be lost`

  const words = commandLineOf({ commandLine: readText('/proc/self/cmdline'), execArgv, argv }, flags)
  if (words === undefined) return 'its command line cannot be read'
  const [name, value] = marker
  const after = { ...env, NODE_OPTIONS: nodeOptions, [name]: value }
  const texts = [...words, ...Object.entries(after).map(entry => entry.join('='))]
  // Bytes that are no UTF-8 would come back as others.
  if (texts.some(text => text.includes('\ufffd'))) return 'its environment or command line is not UTF-8'
  if (
    !fitsInExec(
      texts.map(text => Buffer.byteLength(text)),
      readText('/proc/self/limits'),
    )
  )
    return 'its environment and command line are too long'
  try {
    accessSync(execPath, constants.X_OK)
    const [named, running] = [execPath, '/proc/self/exe'].map(path => statSync(path, { bigint: true }))
    if (named?.ino !== running?.ino || named?.dev !== running?.dev) return `${execPath} is another file now`
  } catch {
    return `${execPath} cannot be executed`
  }
  execve.call(process, execPath, words, after)
  return 'process.execve came back'
}

function openDescriptors(
  readText: ReadText,
  list: (path: string) => readonly string[],
  readLink: (path: string) => string,
): readonly OpenDescriptor[] {
  const found: OpenDescriptor[] = []
  for (const name of list('/proc/self/fd'))
    try {
      const target = readLink(`/proc/self/fd/${name}`)
      // `flags:	02000002`, octal: 02000000 is O_CLOEXEC on every Linux that Node supports.
      const [, flags = ''] = /^flags:\s*([0-7]+)/m.exec(readText(`/proc/self/fdinfo/${name}`) ?? '') ?? []
      found.push({ fd: Number(name), target, isLost: (Number.parseInt(flags, 8) & 0o2000000) !== 0 })
    } catch {
      // The one that the list itself was read by is closed by now.
    }
  return found
}
